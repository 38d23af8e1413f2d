"""Elman's network: the slides' "vanilla RNN"."""

import keras
from keras import activations, ops

from kerasrnn.cells.base import GateCell

# The derivative of an activation, from its value.
SLOPES = {
    activations.tanh: lambda h: 1 - h * h,
    activations.sigmoid: lambda h: h * (1 - h),
    activations.relu: lambda h: ops.cast(h > 0, h.dtype),
}


@keras.saving.register_keras_serializable(package="kerasrnn")
class SimpleRNNCell(GateCell):
    """Simple recurrent unit: the state is the squashed sum of input and past.

        h_t = tanh(x_t W + h_{t-1} U + b)                        (1)

    Args:
        units: H.
        activation: of (1), such as "tanh", "relu" or "sigmoid" (deck 003's language model).
        **options: see `GateCell`.
    Source: Elman 1990, "Finding structure in time"; weights as `keras.layers.SimpleRNNCell`.
    """

    gates = 1
    states = ("h",)
    additive = True  # the gates see z + r only
    seeded_first = True

    def __init__(self, units: int, activation="tanh", **options):
        super().__init__(units, **options)
        self.activation = keras.activations.get(activation)

    def gate(self, z, r, states):
        h = self.activation(z + r)  # (1)
        return h, (h,)

    @property
    def by_hand(self) -> bool:
        return self.activation in SLOPES

    @property
    def saved(self) -> tuple[int, ...]:
        """Nothing but the state itself, unless zoneout makes the state something else."""
        return (1,) if any(self.zone_rates) else ()

    def gate_forward(self, z, r, states):
        """`gate()`, and what it saves."""
        new = self.gate(z, r, states)[1]
        return new, new if self.saved else ()

    def gate_backward(self, saved, previous, states, d_states):
        """Return dz, which dr equals, and the gradients of the previous states."""
        (d_h,), (h,) = d_states, saved or states
        return d_h * SLOPES[self.activation](h), (), (None,)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
        }
