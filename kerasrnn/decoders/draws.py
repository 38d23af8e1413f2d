"""Uniform numbers that depend on a seed and a position, and on nothing else."""

import numpy as np
import tensorflow as tf

from kerasrnn.shapes import check_axes

_WORD = 0xFFFFFFFF  # 32 bits
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10


def draws(seeds, steps, first=0) -> tf.Tensor:
    """Uniform draws: `steps` of them for each row, from that row's seed alone.

    Draw t of a row is a function of (seed, t). So asking for more steps leaves the first ones as
    they were, the other rows change nothing, and eager code, a graph, XLA and a SavedModel give
    the same bits. (`tf.random.stateless_uniform` does not: its Philox differs under XLA.)

    Rows of equal seed get equal draws, on purpose: a server puts requests of several clients
    into one batch, and each is answered as if it had come alone. For several texts of one prompt
    give several seeds; `seed + tf.range(B)` will do.

    Args:
        seeds: (B,), integers of any sign. Python ints may be of any size and count modulo 2**64.
        steps: how many draws a row, an int or an integer scalar tensor.
        first: the number of the first draw: so a long row of draws is made piece by piece.
    Returns:
        float32 (B, steps), multiples of 2**-24 in [0, 1).
    Raises:
        ValueError: if `seeds` has another number of axes, or `steps` is a negative int.
    Source: Philox4x32-10 of Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
        The key is the seed, the counter is t // 4, and t % 4 says which word.
    """
    if not tf.is_tensor(seeds):
        seeds = np.asarray(seeds, dtype=object)
        wrapped = [(int(seed) + 2**63) % 2**64 - 2**63 for seed in seeds.flat]
        seeds = np.asarray(wrapped, dtype=np.int64).reshape(seeds.shape)
    check_axes("seeds", seeds.shape, "B", "give one seed to each row")
    if tf.is_tensor(steps):
        return _draw(tf.cast(seeds, tf.int64), tf.cast(steps, tf.int32), tf.cast(first, tf.int64))
    if steps < 0:
        raise ValueError(f"`steps` must be at least 0, got {steps}.")
    drawn = _draw(tf.cast(seeds, tf.int64), steps, tf.cast(first, tf.int64))
    return tf.ensure_shape(drawn, (None, steps))


@tf.function(
    input_signature=[
        tf.TensorSpec([None], tf.int64),
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([], tf.int64),
    ],
    autograph=False,
)
def _draw(seeds, steps, first):
    skipped = tf.cast(first % 4, tf.int32)
    blocks = (skipped + steps + 3) // 4
    block = first // 4 + tf.range(tf.cast(blocks, tf.int64))[None, :]
    zero = tf.zeros_like(block)
    key = (seeds[:, None] & _WORD, tf.bitwise.right_shift(seeds, 32)[:, None] & _WORD)
    words = tf.stack(philox((block, zero, zero, zero), key), axis=-1)  # (B, blocks, 4)
    words = tf.reshape(words, [tf.shape(seeds)[0], 4 * blocks])[:, skipped : skipped + steps]
    return tf.cast(tf.bitwise.right_shift(words, 8), tf.float32) * 2.0**-24


def philox(counter, key) -> tuple:
    """Philox4x32-10: four random 32-bit words of a 128-bit counter and a 64-bit key.

    The words live in int64, which every device multiplies and shifts: an overflowing product
    keeps its 64 bits, and the mask after the shift removes the copies of the sign.

    Args:
        counter: four int64 tensors in [0, 2**32), the low word first, of shapes that broadcast.
        key: two of the same kind.
    Returns:
        Four int64 tensors in [0, 2**32).
    Source: Salmon et al. 2011, section 3.3; the constants are those of Random123.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        product0, product1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        high0 = tf.bitwise.right_shift(product0, 32) & _WORD
        high1 = tf.bitwise.right_shift(product1, 32) & _WORD
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, product1 & _WORD, high0 ^ c3 ^ k1, product0 & _WORD
        k0, k1 = (k0 + _WEYL[0]) & _WORD, (k1 + _WEYL[1]) & _WORD
    return c0, c1, c2, c3
