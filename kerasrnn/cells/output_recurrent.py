"""A network whose only memory is what it answered last."""

import keras
from keras import ops

from kerasrnn.cells.base import GateCell


@keras.saving.register_keras_serializable(package="kerasrnn")
class OutputRecurrentCell(GateCell):
    """Output recurrence: the step reads the previous prediction, not a hidden state (deck 002).

        p_t = softmax(y_t)                                               (1)
        h_t = tanh(x_t W + p_{t-1} U + b)                                (2)
        y_t = h_t V + d                                                  (3)

    The state and the output are the logits y. Before the first step y_0 = 0, so that every class is
    as likely. With the teacher's p_{t-1} given, no step waits for another:
    `kerasrnn.layers.OutputRecurrent` does that.

    Args:
        units: H, of (2).
        classes: C, of y; None for H.
        activation: of (2).
        output_activation: of (1).
        **options: see `GateCell`.
    Raises:
        ValueError: if `classes` is not positive.
    Source: Jordan 1986, "Serial order"; Goodfellow et al. 2016, "Deep Learning", section 10.2.1;
    deck 002, "Network with output recurrence".
    """

    gates = 1
    states = ("y",)
    additive = True
    answers = True  # the output is the network's answer, no layer is wanted above it

    def __init__(
        self,
        units: int,
        classes: int | None = None,
        activation="tanh",
        output_activation="softmax",
        **options,
    ):
        super().__init__(units, **options)
        self.classes = units if classes is None else classes
        if self.classes < 1:
            raise ValueError(f"`classes` must be at least 1, got {classes}.")
        self.activation = keras.activations.get(activation)
        self.output_activation = keras.activations.get(output_activation)

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.classes,)

    def build(self, input_shape) -> None:
        super().build(input_shape)
        self.output_kernel = self._weight("output_kernel", (self.units, self.classes), "kernel")
        self.output_bias = None
        if self.use_bias:
            self.output_bias = self._weight("output_bias", (self.classes,), "bias")

    def recall(self, states):
        return self.output_activation(states.y)  # (1)

    def answer(self, z, r):
        """(2) and (3), (…, C)."""
        h = self.activation(z + r)  # (2)
        y = ops.matmul(h, ops.cast(self.output_kernel, h.dtype))  # (3)
        return y if self.output_bias is None else y + ops.cast(self.output_bias, y.dtype)

    def gate(self, z, r, states):
        y = self.answer(z, r)
        return y, (y,)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "classes": self.classes,
            "activation": keras.activations.serialize(self.activation),
            "output_activation": keras.activations.serialize(self.output_activation),
        }
