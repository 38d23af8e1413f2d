"""Random numbers, on whatever backend."""

import keras
from keras import ops


def uniform(shape, seed):
    """float32 in [0, 1) of `shape`, by the `keras.random.SeedGenerator` `seed`.

    On TensorFlow the algorithm is named: what XLA chooses by itself is far slower on a CPU.
    """
    if keras.backend.backend() != "tensorflow":
        return keras.random.uniform(shape, seed=seed, dtype="float32")
    import tensorflow as tf

    return tf.random.stateless_uniform(shape, tf.cast(seed.next(), tf.int32), alg="philox")


def dropout_mask(shape, rate: float, seed, dtype):
    """0 with probability `rate`, and 1 / (1 - rate) otherwise."""
    kept = 1 / (1 - rate) if rate < 1 else 0
    return ops.where(uniform(shape, seed) >= rate, ops.cast(kept, dtype), 0)
