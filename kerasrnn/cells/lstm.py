"""Long short-term memory."""

import keras
import numpy as np
from keras import ops

from kerasrnn.cells.base import GateCell
from kerasrnn.initializers import ForgetBias


@keras.saving.register_keras_serializable(package="kerasrnn")
class LSTMCell(GateCell):
    """Long short-term memory: a conveyor belt c with gates to write, forget and read.

        i_t = σ(x_t W_i + h_{t-1} U_i + b_i)                     (1)
        f_t = σ(x_t W_f + h_{t-1} U_f + b_f)                     (2)
        g_t = tanh(x_t W_g + h_{t-1} U_g + b_g)                  (3)
        o_t = σ(x_t W_o + h_{t-1} U_o + b_o)                     (4)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t                          (5)
        h_t = o_t ⊙ tanh(c_t)                                    (6)

    With `update_dropout` (5) reads u_t ⊙ g_t for g_t. With `memory_dropout` c_t = m ⊙ (5), and
    h_t is divided by the share that is kept (the paper multiplies by it after training instead).

    Args:
        units: H.
        activation: of (3) and (6).
        recurrent_activation: of (1), (2) and (4).
        unit_forget_bias: start b_f at 1.
        **options: see `GateCell`.
    Source: Hochreiter and Schmidhuber 1997; Gers et al. 2000 for (2); weights and their order
    [i | f | g | o] as `keras.layers.LSTMCell`.
    """

    gates = 4
    states = ("h", "c")
    noise = ("update", "memory")
    gate_names = ("input", "forget", "output")  # in the order in which they are squashed
    additive = True  # the gates see z + r only
    saved = (4,)  # tanh of [i/2 | f/2 | g | o/2] before the gates' squashing

    def __init__(
        self,
        units: int,
        activation="tanh",
        recurrent_activation="sigmoid",
        unit_forget_bias: bool = True,
        **options,
    ):
        super().__init__(units, **options)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    def start(self, name: str):
        if name == "bias" and self.unit_forget_bias:
            return ForgetBias(self.bias_initializer)
        return super().start(name)

    def activate(self, z, r):
        """(1) to (4), each (B, H)."""
        i, f, g, o = ops.split(z + r, 4, axis=-1)
        squash = self.recurrent_activation
        return squash(i), squash(f), self.activation(g), squash(o)

    def gate(self, z, r, states):
        i, f, g, o = self.activate(z, r)
        c, shown = _remember(i, f, g, states)  # (5)
        h = o * self.activation(c)  # (6)
        h = h if shown is None else h * shown
        return h, (h, c)

    @property
    def by_hand(self) -> bool:
        return (
            self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
        )

    def gate_forward(self, z, r, states):
        """`gate()` with one tanh for all gates, σ(a) = (1 + tanh(a / 2)) / 2, and what it saves."""
        halves = np.repeat(np.array([0.5, 0.5, 1.0, 0.5]), self.units)
        saved = ops.tanh((z + r) * ops.cast(halves, z.dtype))
        i, f, g, o = _gates(*ops.split(saved, 4, axis=-1))
        c, shown = _remember(i, f, g, states)
        h = o * ops.tanh(c)
        return (h if shown is None else h * shown, c), (saved,)

    def gate_backward(self, saved, previous, states, d_states):
        """Return dz, which dr equals, and the gradients of the previous states."""
        i, f, g, o = _gates(*saved)
        d_h, d_c = d_states
        c, shown = _remember(i, f, g, previous)
        tanh_c = ops.tanh(c)
        d_h = d_h if shown is None else d_h * shown
        d_c = d_c + d_h * o * (1 - tanh_c * tanh_c)
        d_c = d_c if shown is None else ops.where(shown > 0, d_c, 0)
        d_write = d_c if previous.update is None else d_c * previous.update
        d_z = [
            d_write * g * i * (1 - i),
            d_c * previous.c * f * (1 - f),
            d_write * i * (1 - g * g),
            d_h * tanh_c * o * (1 - o),
        ]
        return ops.concatenate(d_z, axis=-1), (), (None, d_c * f)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
        }


def _remember(i, f, g, states):
    """(5), and the mask of h_t or None."""
    write = g if states.update is None else g * states.update
    c = f * states.c + i * write
    if states.memory is None:
        return c, None
    return ops.where(states.memory > 0, c, 0), states.memory


def _gates(i, f, g, o):
    """The gates from the tanh of their halves."""
    return 0.5 + 0.5 * i, 0.5 + 0.5 * f, g, 0.5 + 0.5 * o
