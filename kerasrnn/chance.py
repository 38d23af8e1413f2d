"""Random numbers, on whatever backend."""

import keras


def uniform(shape, seed):
    """float32 in [0, 1) of `shape`, by the `keras.random.SeedGenerator` `seed`.

    On TensorFlow the algorithm is named: what XLA chooses by itself is far slower on a CPU.
    """
    if keras.backend.backend() != "tensorflow":
        return keras.random.uniform(shape, seed=seed, dtype="float32")
    import tensorflow as tf

    return tf.random.stateless_uniform(shape, tf.cast(seed.next(), tf.int32), alg="philox")
