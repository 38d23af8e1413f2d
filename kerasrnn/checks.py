"""Conditions inside a graph: what a model is asked must hold, or it refuses in a sentence."""

import tensorflow as tf

LOUDEST = 1e10  # a sample, where full scale is 1: a window's power is finite in float32


def checked(good: tf.Tensor, refusal, passed: tf.Tensor) -> tf.Tensor:
    """`passed`, which nothing can read before `good` has been seen to hold; nor is that looked at before."""
    with tf.control_dependencies([passed]):
        looked = tf.debugging.Assert(tf.reduce_all(good), [refusal])
    with tf.control_dependencies([looked]):
        return tf.identity(passed)


def checked_rows(
    good: tf.Tensor, said: str, values: tuple[tf.Tensor, ...], passed: tf.Tensor
) -> tf.Tensor:
    """`checked`, with the values of the first row that is not good."""
    worst = tf.argmin(tf.cast(tf.concat([good, [False]], 0), tf.int32))
    values = [tf.concat([value, [0]], 0)[worst] for value in values]
    return checked(good, tf.strings.format(said, values), passed)


def bearable(audio: tf.Tensor) -> tf.Tensor:
    """Whether all samples are numbers whose power is one, too."""
    return tf.reduce_all(tf.abs(audio) <= LOUDEST)  # which NaN is not either


def finite(audio: tf.Tensor, multiple: int) -> tf.Tensor:
    """`audio` (B, S), which nothing reads before S and the samples have been looked at."""
    samples = tf.shape(audio)[1]
    said = f"A waveform must be finite and hold one or more times {multiple} samples, got {{}}."
    good = bearable(audio) & (samples > 0) & (samples % multiple == 0)
    return checked(good, tf.strings.format(said, samples), audio)
