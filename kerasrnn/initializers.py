"""Starting values that Keras does not name."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasrnn")
class ForgetBias(keras.initializers.Initializer):
    """Ones for an LSTM's forget gate, `rest` for its other three: [i | f | g | o], (4H,).

    Args:
        rest: initializer of the other gates.
    Source: Jozefowicz et al. 2015, "An empirical exploration of recurrent network architectures".
    """

    def __init__(self, rest="zeros"):
        self.rest = keras.initializers.get(rest)

    def __call__(self, shape, dtype=None):
        units = shape[0] // 4
        ones = ops.ones((units,), dtype=dtype)
        return ops.concatenate([self.rest((units,), dtype), ones, self.rest((2 * units,), dtype)])

    def get_config(self) -> dict:
        return {"rest": keras.initializers.serialize(self.rest)}
