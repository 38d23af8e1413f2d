"""Local conditioning: how long ago a sound began, and how long it is until it ends."""

import tensorflow as tf

HOP = 16  # samples that a row holds for
SCALES = (0.02, 0.1, 0.5)  # seconds in which a feature falls to 1/e
FEATURES = 1 + 2 * len(SCALES)


def timing(since: tf.Tensor, left: tf.Tensor) -> tf.Tensor:
    """Features (…, 7) of a moment, `since` seconds after its sound began and `left` before it ends:

    1, e^(-since / s) for each s of SCALES, e^(-left / s) for each       0 all of them outside of the sound
    """
    since, left = tf.cast(since, tf.float32), tf.cast(left, tf.float32)
    inside = tf.cast((since >= 0) & (left > 0), tf.float32)
    each = [tf.ones_like(inside)]
    for seconds in (since, left):
        each += [tf.exp(-tf.maximum(seconds, 0.0) / scale) for scale in SCALES]
    return inside[..., None] * tf.stack(each, axis=-1)


def timed_rows(first, count, begun, ends, rate: int) -> tf.Tensor:
    """Rows first … first + count - 1 of "local", float32 (B, count, 7).

    Args:
        begun, ends: (B,) the steps at which each sound begins and ends; row r holds from step r·HOP on.
        rate: Hz.
    """
    steps = tf.cast(HOP * (first + tf.range(count)), tf.float32)[None]
    begun, ends = (tf.cast(one, tf.float32)[:, None] for one in (begun, ends))
    return timing((steps - begun) / rate, (ends - steps) / rate)
