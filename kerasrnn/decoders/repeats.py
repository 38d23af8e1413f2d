"""N-grams that a text holds already."""

import tensorflow as tf


def repeating(written, t, n: int, vocabulary) -> tf.Tensor:
    """Which tokens would end an n-gram that is there already.

    Args:
        written: int32 (B, K, L), of which the first `t` count.
        t: an integer, or a scalar tensor.
        n: at least 1.
        vocabulary: V, an int or a scalar tensor.
    Returns:
        bool (B, K, V).
    """
    shape = tf.shape(written)
    places = tf.maximum(shape[2] - n + 1, 0)  # where an n-gram may begin
    same = tf.range(places) + n <= t  # (places,)
    for j in range(n - 1):
        newest = tf.gather(written, tf.maximum(t - n + 1 + j, 0), axis=2)[:, :, None]
        same &= written[:, :, j : j + places] == newest
    same = tf.broadcast_to(same, [shape[0], shape[1], places])
    beam = tf.reshape(tf.range(shape[0] * shape[1]), [shape[0], shape[1], 1])
    index = beam * vocabulary + written[:, :, n - 1 : n - 1 + places]
    times = tf.scatter_nd(
        tf.reshape(index, [-1, 1]),
        tf.reshape(tf.cast(same, tf.int32), [-1]),
        [shape[0] * shape[1] * vocabulary],
    )
    return tf.reshape(times > 0, [shape[0], shape[1], vocabulary])
