"""A window over the last inputs: memory that ends."""

import keras
from keras import ops

from kerasrnn.cells.base import GateCell


@keras.saving.register_keras_serializable(package="kerasrnn")
class TimeDelayCell(GateCell):
    """Time-delay network: a step sees the last K inputs, and no state of its own (deck 003).

        h_t = tanh(Σ_k x_{t-k} W_k + b),   k = 0 … K-1                   (1)

    It runs as sums that wait: q holds what the inputs so far give to the steps to come,

        q_t^k = x_t W_{k+1} + q_{t-1}^{k+1},   k = 0 … K-2,   q^{K-1} = 0   (2)
        h_t = tanh(x_t W_0 + q_{t-1}^0 + b)                              (3)

    so that it can be carried on, masked and stacked as every cell can. Where all is given at once,
    without a mask, `kerasrnn.layers.TimeDelay` computes (1) for all t side by side.

    Args:
        units: H.
        activation: of (1).
        frames: K, in steps, at least 2.
        **options: see `GateCell`; what concerns U has nothing to act on.
    Raises:
        ValueError: if `frames` is below 2, or `layer_norm` is set: it normalises a step's sum, and
            this one is spread over K steps.
    Source: Waibel et al. 1989, "Phoneme recognition using time-delay neural networks", with 3
    frames in the first layer and 5 in the second; W_0, W_1, … lie side by side in the kernel.
    """

    states = ("h", "q")
    additive = True

    def __init__(self, units: int, activation="tanh", frames: int = 3, **options):
        super().__init__(units, **options)
        if frames < 2:
            raise ValueError(f"`frames` must be at least 2, got {frames}; for 1 use a dense layer.")
        if self.layer_norm:
            raise ValueError("`layer_norm` must be False for the time-delay cell, got True.")
        self.activation = keras.activations.get(activation)
        self.frames = frames

    @property
    def gates(self) -> int:
        return self.frames

    @property
    def widths(self) -> tuple[int, ...]:
        return self.units, (self.frames - 1) * self.units

    @property
    def zone_rates(self) -> tuple[float, ...]:
        return *super().zone_rates[:1], 0.0

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (self.units,)

    @property
    def input_bias(self):
        if self.bias is None:
            return None
        bias = ops.convert_to_tensor(self.bias)
        return ops.concatenate([bias, ops.zeros(((self.frames - 1) * self.units,), bias.dtype)])

    def build(self, input_shape) -> None:
        self.kernel = self._weight("kernel", (input_shape[-1], self.frames * self.units))
        self.bias = self._weight("bias", self.bias_shape) if self.use_bias else None
        self.recurrent_kernel = self.kernel_scale = self.recurrent_scale = None
        self.built = True

    def recurrent_matrix(self, kernel=None):
        """Nothing recurs: 0, as thin as a product can be."""
        return ops.zeros((1, self.frames * self.units), self.compute_dtype)

    def draw_kernel(self):
        return self.recurrent_matrix()

    def recall(self, states):
        return states.h[..., :1]

    def gate(self, z, r, states):
        given = z + r
        now, later = given[..., : self.units], given[..., self.units :]
        h = self.activation(now + states.q[..., : self.units])  # (3)
        waiting = ops.concatenate([states.q[..., self.units :], ops.zeros_like(now)], axis=-1)
        return h, (h, later + waiting)  # (2)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "frames": self.frames,
        }
