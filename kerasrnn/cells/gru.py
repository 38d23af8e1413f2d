"""The gated recurrent unit, with the reset gate after or before the product."""

import keras
from keras import ops

from kerasrnn.cells.base import GateCell


@keras.saving.register_keras_serializable(package="kerasrnn")
class GRUCell(GateCell):
    """Gated recurrent unit: one gate mixes old and new, one gate hides the past.

        u_t = σ(x_t W_u + h_{t-1} U_u + b_u)                     (1)
        r_t = σ(x_t W_r + h_{t-1} U_r + b_r)                     (2)
        n_t = tanh(x_t W_n + r_t ⊙ (h_{t-1} U_n + b'_n) + b_n)   (3)   reset after the product
        n_t = tanh(x_t W_n + (r_t ⊙ h_{t-1}) U_n + b_n)          (3')  reset before it
        h_t = u_t ⊙ h_{t-1} + (1 - u_t) ⊙ n_t                    (4)

    With (3) the cell is in gate form; with (3') the product inside the loop waits for (2), so the
    cell runs through the plain scan.

    With `update_dropout` (4) reads m_t ⊙ n_t for n_t.

    Args:
        units: H.
        activation: of (3).
        recurrent_activation: of (1) and (2).
        reset_after: (3), as cuDNN, or (3'), as the paper.
        **options: see `GateCell`.
    Source: Cho et al. 2014, arXiv:1406.1078v3 for (3'), v1 for (3); weights and their order
    [u | r | n] as `keras.layers.GRUCell`.
    """

    gates = 3
    states = ("h",)
    noise = ("update",)
    gate_names = ("update", "reset")  # in the order in which they are squashed
    alike = 2  # (1) and (2) see z + r only
    saved = (1, 1, 1, 1)  # tanh of u/2 and r/2 before the squashing; n; h U_n + b'_n

    def __init__(
        self,
        units: int,
        activation="tanh",
        recurrent_activation="sigmoid",
        reset_after: bool = True,
        **options,
    ):
        super().__init__(units, **options)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.reset_after = reset_after

    @property
    def gate_form(self) -> bool:
        return self.reset_after

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    @property
    def input_bias(self):
        return self.bias[0] if self.reset_after and self.bias is not None else self.bias

    @property
    def recurrent_bias(self):
        return self.bias[1] if self.reset_after and self.bias is not None else None

    def activate(self, z, r):
        """(1) to (3) and the product inside (3), each (B, H)."""
        z_u, z_r, z_n = ops.split(z, 3, axis=-1)
        r_u, r_r, r_n = ops.split(r, 3, axis=-1)
        update = self.recurrent_activation(z_u + r_u)  # (1)
        reset = self.recurrent_activation(z_r + r_r)  # (2)
        return update, reset, self.activation(z_n + reset * r_n), r_n  # (3)

    def gate(self, z, r, states):
        update, _, new, _ = self.activate(z, r)
        new = new if states.update is None else new * states.update
        h = update * states.h + (1 - update) * new  # (4)
        return h, (h,)

    def step(self, z, states, product):
        if self.reset_after:
            return super().step(z, states, product)
        z_u, z_r, z_n = ops.split(z, 3, axis=-1)
        r_u, r_r = ops.split(product(states.h, 0, 2), 2, axis=-1)
        update = self.recurrent_activation(z_u + r_u)  # (1)
        reset = self.recurrent_activation(z_r + r_r)  # (2)
        new = self.activation(z_n + product(reset * states.h, 2, 3))  # (3')
        new = new if states.update is None else new * states.update
        h = update * states.h + (1 - update) * new  # (4)
        return h, (h,)

    @property
    def by_hand(self) -> bool:
        return (
            self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and not self.update_dropout
        )

    def gate_forward(self, z, r, states):
        """`gate()` with σ(a) = (1 + tanh(a / 2)) / 2, and what it saves."""
        z_u, z_r, z_n = ops.split(z, 3, axis=-1)
        r_u, r_r, inner = ops.split(r, 3, axis=-1)
        update, reset = ops.tanh(0.5 * (z_u + r_u)), ops.tanh(0.5 * (z_r + r_r))
        new = ops.tanh(z_n + (0.5 + 0.5 * reset) * inner)
        h = new + (0.5 + 0.5 * update) * (states.h - new)
        return (h,), (update, reset, new, inner)

    def gate_backward(self, saved, previous, states, d_states):
        """Return dz and dr of (1) and (2), dz and dr of (3), and the gradient of the previous state."""
        update, reset, new, inner = saved
        update, reset = 0.5 + 0.5 * update, 0.5 + 0.5 * reset
        (d_h,) = d_states
        d_new = d_h * (1 - update) * (1 - new * new)
        d_update = d_h * (previous.h - new) * update * (1 - update)
        d_reset = d_new * inner * reset * (1 - reset)
        alike = ops.concatenate([d_update, d_reset], axis=-1)
        return alike, (d_new, d_new * reset), (d_h * update,)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "reset_after": self.reset_after,
        }
