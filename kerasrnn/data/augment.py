"""Sounds that could have been: shifts, noise and masks, each drawn from a seed, so that a run can go on.

Every function takes `seed`, int (2,), and answers alike for the same seed; each row of a batch draws its own,
also where this process reads but a part of the rows.
"""

import tensorflow as tf

from kerasrnn.data.batching import mine, whole

NOISES = 8  # that are drawn for a batch, whose rows share them


def seeds(*numbers, count: int) -> tf.Tensor:
    """`count` seeds (count, 2) from integers such as the run's seed, the pass and the batch."""
    seed = tf.constant([0, 0], tf.int32)
    for number in numbers:
        seed = tf.random.experimental.stateless_fold_in(seed, tf.cast(number, tf.int32))
    return tf.random.experimental.stateless_split(seed, count)


def time_shift(audio: tf.Tensor, most: int, seed) -> tf.Tensor:
    """Each row (B, S) moved by up to `most` samples either way; what leaves one end enters the other."""
    rows = whole(tf.shape(audio)[0])
    shift = tf.random.stateless_uniform([rows], seed, -most, most + 1, tf.int32)
    return _turned(audio, mine(shift))


@tf.function(jit_compile=True, autograph=False, reduce_retracing=True)
def _turned(audio, shift):
    samples = tf.shape(audio)[1]
    place = (tf.range(samples)[None] - shift[:, None]) % samples
    return tf.gather(audio, place, batch_dims=1)


def level(audio: tf.Tensor, decibels: float, seed) -> tf.Tensor:
    """Each row (B, S) louder or softer by up to `decibels`."""
    rows = whole(tf.shape(audio)[0])
    gain = tf.random.stateless_uniform([rows, 1], seed, -decibels, decibels)
    return audio * 10 ** (mine(gain) / 20)


def add_noise(audio: tf.Tensor, noise: tf.Tensor, snr: tf.Tensor) -> tf.Tensor:
    """`audio` + `noise` (B, S) scaled so that mean power of the first over the second is `snr` (B,), dB.

    Where one of them is silent, the row is `audio` alone.
    """
    signal, other = (tf.reduce_mean(x**2, axis=1, keepdims=True) for x in (audio, noise))
    gain = tf.sqrt(tf.math.divide_no_nan(signal, other)) * 10 ** (-snr[:, None] / 20)
    return audio + gain * noise


def coloured_noise(shape, seed, slope=-1.0) -> tf.Tensor:
    """Gaussian noise (N, S) of variance 1, whose power falls with frequency as f^slope (0 white, -1 pink).

    `slope` is a number, or one for each row, (N, 1).
    """
    samples = shape[1]
    white = tf.random.stateless_normal(shape, seed)
    bins = tf.cast(tf.range(samples // 2 + 1), tf.float32)
    weights = tf.where(bins > 0, tf.maximum(bins, 1) ** (slope / 2), 0)
    spectrum = tf.signal.rfft(white) * tf.cast(weights, tf.complex64)
    noise = tf.signal.irfft(spectrum, [samples])
    return noise / tf.math.reduce_std(noise, axis=1, keepdims=True)


def shared(noises: tf.Tensor, audio: tf.Tensor) -> tf.Tensor:
    """One of `noises` (N, S) for each row of `audio` (B, S), taken in turns."""
    return tf.gather(noises, mine(tf.range(whole(tf.shape(audio)[0])) % tf.shape(noises)[0]))


def frequency_mask(features: tf.Tensor, widest: int, seed) -> tf.Tensor:
    """`widest` - 1 neighbouring features at most are 0 in each row of (B, T, F), as in `mask`."""
    return features * _keep(features, 2, widest, seed)


def time_mask(features: tf.Tensor, longest: int, seed) -> tf.Tensor:
    """`longest` - 1 neighbouring frames at most are 0 in each row of (B, T, F).

    Width w ~ U{0 … longest - 1}, then its begin ~ U{0 … T - w - 1}, as in `tfio.audio.time_mask`, whose own
    draws depend on what the process drew before, so that a killed training could not go on as it was.
    Source: SpecAugment, Park et al. 2019, arXiv:1904.08779, section 2.
    """
    return features * _keep(features, 1, longest, seed)


def _keep(features: tf.Tensor, axis: int, widest: int, seed) -> tf.Tensor:
    """0 at the masked places of `axis`, 1 elsewhere, for broadcasting."""
    rows, size = whole(tf.shape(features)[0]), tf.shape(features)[axis]
    first, second = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    most = tf.minimum(widest, size)
    width = mine(tf.random.stateless_uniform([rows], first, 0, most, tf.int32))
    share = mine(tf.random.stateless_uniform([rows], second))
    begin = tf.cast(tf.floor(share * tf.cast(size - width, tf.float32)), tf.int32)
    place = tf.range(size)[None]
    masked = (place >= begin[:, None]) & (place < (begin + width)[:, None])
    return tf.expand_dims(tf.cast(~masked, features.dtype), 3 - axis)
