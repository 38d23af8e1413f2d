"""Truncated back-propagation through time: states run on, gradients stop at the chunk's edge."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasrnn")
class TruncatedBPTT(keras.Model):
    """Trains a model of states in, states out on a continuous stream, chunk by chunk.

          chunk 1          chunk 2          chunk 3
        ┌─────────┐      ┌─────────┐      ┌─────────┐
        │ h → h → │ ───▶ │ h → h → │ ───▶ │ h → h → │     states are carried forward …
        └─────────┘  ╳   └─────────┘  ╳   └─────────┘     … and gradients are not carried back

    Args:
        model: takes [inputs (B, T, …), *states (B, H)] and returns [outputs, *states].
        rows: B, the sequences that are read side by side.

    Inputs of a call: {"tokens": what `model` reads, "reset": bool (B,)}: a row whose `reset` is set begins
    with zero states. Returns the model's outputs.

    Where several processes read some of the rows each, `part` says which: (number, parts).

    Source: Williams & Peng 1990; slides "Truncated Back-Propagation Through Time".
    """

    part = 0, 1

    def __init__(self, model: keras.Model, rows: int, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.rows = rows
        self.carried = [
            self.add_weight(
                shape=(rows, *state.shape[1:]),
                dtype=state.dtype,
                initializer="zeros",
                trainable=False,
                name=f"carried_{number}",
            )
            for number, state in enumerate(model.inputs[1:])
        ]
        self.built = True

    def call(self, inputs, training=None):
        keep = ops.logical_not(inputs["reset"])[:, None]
        number, parts = self.part
        rows = self.rows // parts
        if keep.shape[0] not in (None, rows):
            raise ValueError(
                f"A batch must have {rows} of `rows` = {self.rows}, got {keep.shape[0]}."
            )
        before = [state[number * rows : (number + 1) * rows] for state in self.carried]
        states = [ops.where(keep, state, ops.zeros_like(state)) for state in before]
        outputs, *states = self.model([inputs["tokens"], *states], training=training)
        for carried, state in zip(self.carried, states, strict=True):
            state = ops.cast(ops.stop_gradient(state), carried.dtype)
            if parts > 1:
                state = ops.slice_update(carried, (number * rows, *[0] * (state.ndim - 1)), state)
            carried.assign(state)
        return outputs

    def get_config(self):
        config = super().get_config()
        return config | {
            "model": keras.saving.serialize_keras_object(self.model),
            "rows": self.rows,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        model = keras.saving.deserialize_keras_object(config.pop("model"), custom_objects)
        return cls(model, **config)
