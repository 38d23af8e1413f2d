"""Connections that skip steps, so that the past is fewer steps away."""

import keras
from keras import ops

from kerasrnn.cells.base import GateCell


@keras.saving.register_keras_serializable(package="kerasrnn")
class DelayedCell(GateCell):
    """A simple cell with a second connection of delay D (deck 002, "longer-delay connections").

        h_t = tanh(x_t W + h_{t-1} U + h_{t-D} U_D + b)                  (1)
        s_t = [h_{t-1}, h_{t-2}, …, h_{t-D+1}]                            (2)

    A gradient has paths of T / D steps where it had T. D counts the sequence's own steps: a masked
    step is as if it were not there. h before the first step is 0 at all times.

    Args:
        units: H.
        activation: of (1).
        delay: D, in steps, at least 2.
        **options: see `GateCell`; U over U_D are one recurrent kernel (2 H, H); `zoneout` keeps
            units of h alone.
    Raises:
        ValueError: if `delay` is below 2.
    Source: Lin et al. 1996, "Learning long-term dependencies is not as difficult with NARX
    recurrent neural networks"; Bengio et al. 2016, "Deep Learning", section 10.9.1.
    """

    gates = 1
    states = ("h", "past")
    additive = True

    def __init__(self, units: int, activation="tanh", delay: int = 10, **options):
        super().__init__(units, **options)
        if delay < 2:
            raise ValueError(
                f"`delay` must be at least 2 steps, got {delay}; 1 is the simple cell."
            )
        self.activation = keras.activations.get(activation)
        self.delay = delay

    @property
    def widths(self) -> tuple[int, ...]:
        return self.units, (self.delay - 1) * self.units

    @property
    def recurrent_width(self) -> int:
        return 2 * self.units

    @property
    def zone_rates(self) -> tuple[float, ...]:
        return *super().zone_rates[:1], 0.0

    def recall(self, states):
        return ops.concatenate([states.h, states.past[..., -self.units :]], axis=-1)

    def gate(self, z, r, states):
        h = self.activation(z + r)  # (1)
        past = ops.concatenate([states.h, states.past[..., : -self.units]], axis=-1)  # (2)
        return h, (h, past)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "delay": self.delay,
        }
