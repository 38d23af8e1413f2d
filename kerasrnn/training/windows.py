"""Truncated back-propagation for any model of recurrent layers: (x, y) window by window."""

from contextlib import ExitStack, contextmanager

import keras
import numpy as np
import tensorflow as tf
from keras import ops


@contextmanager
def _continued(layer, carried, keep, last: dict):
    """Inside, `layer` starts where `keep` (B, 1) in `carried`, and leaves its last states in `last`."""
    run = layer.inner_loop

    def inner_loop(sequences, initial_state, mask, training=False):
        if layer.name in last:
            raise ValueError(
                f"`model` must run each recurrent layer once, but {layer.name!r} runs again; give "
                "each run a layer of its own."
            )
        given = keras.tree.flatten(initial_state)
        pairs = zip(carried, given, strict=True)
        start = [ops.where(keep, ops.cast(c, s.dtype), s) for c, s in pairs]
        start = keras.tree.pack_sequence_as(initial_state, start)
        found = run(sequences, start, mask, training=training)
        last[layer.name] = keras.tree.flatten(found[2])
        return found

    layer.__dict__["inner_loop"] = inner_loop
    try:
        yield
    finally:
        del layer.__dict__["inner_loop"]


@keras.saving.register_keras_serializable(package="kerasrnn")
class WindowedBPTT(keras.Model):
    """Trains any model on long sequences, a window of steps at a time.

          window 1         window 2         window 3
        ┌─────────┐      ┌─────────┐      ┌─────────┐
        │ h → h → │ ───▶ │ h → h → │ ───▶ │ h → h → │     each layer goes on where it was …
        └─────────┘  ╳   └─────────┘  ╳   └─────────┘     … and gradients are not carried back

    The weights are updated after each window. `predict` and `evaluate` carry states on too, the same
    ones: after them, let the next window begin with a reset. A window that covers the whole sequence is plain
    back-propagation. `windows` cuts data; `TruncatedBPTT` is the same for a model whose states are
    inputs and outputs.

    Args:
        model: any model with recurrent layers of `kerasrnn.layers` or `keras.layers`, which read
            forwards, and once each. Where a layer starts in states that the model gives it, a row
            does so when it is reset.
        rows: B, the sequences that are read side by side.
    Call arguments:
        inputs: {"inputs": what `model` reads, one window of it; "reset": bool (B,), set where a
            row begins a sequence}.
    Raises:
        ValueError: if the model has no recurrent layer, or one that reads backwards.
    Source: Williams & Peng 1990; slides "Truncated Back-Propagation Through Time".
    """

    def __init__(self, model: keras.Model, rows: int, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.rows = rows
        layers = [x for x in model._flatten_layers() if isinstance(x, keras.layers.RNN)]
        backward = [layer.name for layer in layers if layer.go_backwards]
        if not layers or backward:
            raise ValueError(
                "`model` must have recurrent layers, all of which read forwards, got "
                f"{backward or [layer.name for layer in model.layers]} in {model.name!r}."
            )
        self.carried = {
            layer.name: [
                self.add_weight(
                    shape=(rows, size),
                    dtype="float32",
                    initializer="zeros",
                    trainable=False,
                    name=f"carried_{k}",
                )
                for k, size in enumerate(keras.tree.flatten(layer.state_size))
            ]
            for layer in layers
        }
        self.recurrent = layers
        self.built = True

    def call(self, inputs, training=None):
        given = inputs["reset"].shape[0]
        if given not in (None, self.rows):
            raise ValueError(f"A batch must have `rows` = {self.rows} rows, got {given}.")
        keep = ops.logical_not(ops.cast(inputs["reset"], "bool"))[:, None]
        last = {}
        with ExitStack() as stack:
            for layer in self.recurrent:
                held = self.carried[layer.name]
                stack.enter_context(_continued(layer, held, keep, last))
            outputs = self.model(inputs["inputs"], training=training)
        for name, states in last.items():
            for carried, state in zip(self.carried[name], states, strict=True):
                carried.assign(ops.cast(ops.stop_gradient(state), carried.dtype))
        return outputs

    def get_config(self):
        model = keras.saving.serialize_keras_object(self.model)
        return {**super().get_config(), "model": model, "rows": self.rows}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        model = keras.saving.deserialize_keras_object(config.pop("model"), custom_objects)
        return cls(model, **config)


def windows(x, y, window: int, rows: int, *, weights=None, each: bool = True) -> tf.data.Dataset:
    """Cut sequences into windows for `WindowedBPTT`: a batch of rows from its first to its last.

    Args:
        x: arrays (N, T, …): one, or a list or dict of them, all cut alike.
        y: (N, T, …), the answer of each step; with each=False (N, …), one for the whole sequence,
            which only its last window is judged by.
        window: steps of one window, K.
        rows: B, sequences of one batch; the last batch is filled up with rows of weight 0.
        weights: (N, T) of the steps, or with each=False (N,) of the sequences; None for 1.
        each: whether every step has an answer.
    Returns:
        A dataset of ({"inputs", "reset"}, y, weights). Steps that fill up the last window have
        weight 0, so use a loss with reduction="mean_with_sample_weight".
    Raises:
        ValueError: if `window` is not positive, or with each=False does not divide T.
    """
    count, steps = keras.tree.flatten(x)[0].shape[:2]
    if window < 1 or (not each and steps % window):
        raise ValueError(
            f"`window` must be positive{'' if each else ' and divide T'}, got {window} for "
            f"T = {steps}."
        )
    if weights is None:
        weights = np.ones((count, steps) if each else count, "float32")
    batches, places = -(-count // rows), -(-steps // window)

    def cut(array, timed: bool):
        """(N, T, …) → (batches · windows, rows, window, …), or (N, …) → the same for each window."""
        ends = [(0, batches * rows - count), (0, places * window - steps if timed else 0)]
        array = np.pad(array, (ends + [(0, 0)] * np.ndim(array))[: np.ndim(array)])
        if not timed:
            return np.repeat(array.reshape(batches, rows, *array.shape[1:]), places, axis=0)
        array = array.reshape(batches, rows, places, window, *array.shape[2:])
        return np.moveaxis(array, 2, 1).reshape(-1, rows, window, *array.shape[4:])

    place = np.tile(np.arange(places), batches)[:, None]
    reset = np.broadcast_to(place == 0, (len(place), rows))
    weights = cut(weights, each)
    if not each:
        weights = weights * (place == places - 1)
    inputs = keras.tree.map_structure(lambda array: cut(array, True), x)
    # tf.data takes a list for one array
    inputs = tuple(inputs) if isinstance(inputs, list) else inputs
    data = {"inputs": inputs, "reset": reset}, cut(y, each), weights.astype("float32")
    return tf.data.Dataset.from_tensor_slices(data)
