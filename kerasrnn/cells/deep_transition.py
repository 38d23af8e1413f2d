"""Depth between one hidden state and the next, for any cell."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="kerasrnn")
class DeepTransition(keras.layers.Layer):
    """Any cell, with more layers between its step and the next (deck 000, "Deep RNN", (c)).

        h⁰_t, s_t = cell(x_t, h_{t-1}, s_{t-1})                         (1)
        hᵏ_t = tanh(hᵏ⁻¹_t V_k + b_k),   k = 1 … K                      (2)
        h_t = hᴷ_t,   K = transitions                                   (3)
        hᴷ_t = tanh([hᴷ⁻¹_t, h_{t-1}] V_K + b_K)   with `shortcut`      (2')

    Over the simple cell, (1) is h⁰_t = tanh(x_t W + h_{t-1} U + b), so (1)-(3) are the paper's
    DT-RNN (eq. 13) of L = K + 1 layers. Over a gated cell the other states s_t (the LSTM's c_t)
    stay as the cell left them: h_t alone, which the next step and the layer above see, is deeper.
    (2') lets gradients past the added layers on their way back (deck 002's (c); the paper's
    DT(S)-RNN).

    Args:
        cell: a cell whose output is its first state, such as `keras.layers.LSTMCell(64)`.
        transitions: K, the layers of (2), at least 1.
        shortcut: (2') for the last of (2).
    Call arguments:
        inputs: x_t (B, D).
        states: the cell's states, h_{t-1} (B, H) the first.
    Returns:
        h_t (B, H), and the new states [h_t, *s_t].
    Raises:
        ValueError: if `transitions` < 1, or `cell` is not a cell or has dropout or zoneout of its
            own.
    Source: Pascanu et al. 2013, arXiv:1312.6026, section 3.3.
    """

    def __init__(self, cell, transitions: int = 1, shortcut: bool = False, **kwargs):
        super().__init__(**kwargs)
        if not (callable(cell) and hasattr(cell, "state_size")):
            raise ValueError(f"`cell` must be a cell such as LSTMCell(64), got {cell!r}.")
        if transitions < 1:
            raise ValueError(
                f"`transitions` must be at least 1, got {transitions}; for none use `cell` itself."
            )
        names = getattr(cell, "drop_names", ("dropout", "recurrent_dropout"))  # or a cell of Keras
        rates = {name: getattr(cell, name, 0) for name in names}
        if any(map(np.any, rates.values())):
            raise ValueError(
                "`cell` must have no dropout or zoneout of its own (the layer that draws its masks "
                f"does not see it in here), got {rates}; drop between layers instead."
            )
        sizes = cell.state_size
        self.state_size = list(sizes) if isinstance(sizes, list | tuple) else [sizes]
        self.output_size = self.state_size[0]
        self.states = tuple(getattr(cell, "states", ()))  # their names, where the cell has any
        self.cell, self.transitions, self.shortcut = cell, transitions, shortcut
        self.deep = [
            keras.layers.Dense(self.output_size, activation="tanh", name=f"transition_{k + 1}")
            for k in range(transitions)
        ]

    def build(self, input_shape):
        if not self.cell.built:  # a cell read from a file comes built
            self.cell.build(input_shape)
        for layer in self.deep:
            past = self.shortcut and layer is self.deep[-1]
            layer.build((None, self.output_size * (1 + past)))
        self.built = True

    def call(self, inputs, states):
        h, new_states = self.cell(inputs, states)  # (1)
        for layer in self.deep:
            if self.shortcut and layer is self.deep[-1]:
                before = states[0] if isinstance(states, list | tuple) else states
                h = ops.concatenate([h, ops.cast(before, h.dtype)], axis=-1)  # (2')
            h = layer(h)  # (2)
        return h, [h, *new_states[1:]]  # (3)

    def get_initial_state(self, batch_size=None):
        return list(self.cell.get_initial_state(batch_size=batch_size))

    def get_config(self):
        cell = keras.saving.serialize_keras_object(self.cell)
        own = {"cell": cell, "transitions": self.transitions, "shortcut": self.shortcut}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        cell = keras.saving.deserialize_keras_object(config["cell"])
        return cls(**{**config, "cell": cell})
