"""cuDNN's LSTM and GRU, through Keras' own doors to them."""

import keras
from keras import ops

from kerasrnn.cells import GRUCell, LSTMCell

MUST = True  # an error, rather than Keras' plain loop, where cuDNN refuses after all
# What Keras can hand to cuDNN, by backend.
OFFERED = {"tensorflow": (LSTMCell, GRUCell), "jax": (LSTMCell,)}


def gpu() -> bool:
    """Whether this process sees a GPU."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() == "gpu"
    return False


def lacks(cell) -> str | None:
    """Why cuDNN cannot run `cell` here; None if it can, on inputs without a mask."""
    name = type(cell).__name__
    if type(cell) not in OFFERED.get(keras.backend.backend(), ()):
        return f"Keras has no cuDNN for {name} on {keras.backend.backend()}."
    if not cell.by_hand:
        return f"cuDNN's {name} has tanh and sigmoid."
    if isinstance(cell, GRUCell) and not cell.reset_after:
        return "cuDNN's GRU resets after the product."
    if cell.layer_norm or any(getattr(cell, name) for name in cell.drop_names if name != "dropout"):
        return f"cuDNN's {name} has no layer normalisation, zones or drops."
    if not cell.use_bias:
        return f"cuDNN's {name} has a bias."
    if cell.compute_dtype != "float32":
        return "half precision keeps its states wide, in our own loops."
    if not gpu():
        return "no GPU is visible."
    return None


def run(cell, inputs, start, reverse: bool):
    """As `kerasrnn.recurrence.run` without a mask: outputs (B, T, H) in the order of `inputs`, states."""
    family = keras.layers.LSTM if isinstance(cell, LSTMCell) else keras.layers.GRU
    layer = family(cell.units, return_sequences=True, use_cudnn=MUST)
    layer.cell = cell  # its weights and activations have the names of theirs
    inputs = ops.flip(inputs, axis=1) if reverse else inputs
    _, outputs, states = layer.inner_loop(inputs, start, mask=None)
    return ops.flip(outputs, axis=1) if reverse else outputs, list(states)
