"""One vector beside each step of a sequence."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasrnn")
class AtEachStep(keras.layers.Layer):
    """Put a vector beside each step: x_t becomes [x_t, v] (deck 002, "extra input").

    Call arguments:
        inputs: [x (B, T, D), v (B, E)].
    Returns:
        (B, T, D + E).
    """

    def call(self, inputs):
        x, vector = inputs
        shape = (ops.shape(x)[0], ops.shape(x)[1], vector.shape[-1])
        return ops.concatenate([x, ops.broadcast_to(vector[:, None], shape)], axis=-1)

    def compute_output_shape(self, input_shape):
        x, vector = input_shape
        return (*x[:2], x[-1] + vector[-1])
