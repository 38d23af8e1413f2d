"""Dropout that XLA can draw fast."""

import keras
from keras import ops

from kerasrnn.chance import dropout_mask


@keras.saving.register_keras_serializable(package="kerasrnn")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout`, drawn by a named algorithm: see `kerasrnn.chance.uniform`.

    Arguments as there. Inputs (…) → the same shape; in training each number is 0 with probability
    `rate`, and divided by 1 - `rate` otherwise.
    """

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        sizes = ops.shape(inputs)
        sizes = [
            s if n is None else n for s, n in zip(sizes, self.noise_shape or sizes, strict=True)
        ]
        mask = dropout_mask(tuple(sizes), self.rate, self.seed_generator, inputs.dtype)
        return inputs * mask
