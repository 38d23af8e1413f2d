"""A bias by itself."""

import keras


@keras.saving.register_keras_serializable(package="kerasrnn")
class Bias(keras.layers.Layer):
    """y = x + b, b one number for each of the last axis."""

    def build(self, input_shape):
        self.bias = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="bias")

    def call(self, inputs):
        return inputs + self.bias
