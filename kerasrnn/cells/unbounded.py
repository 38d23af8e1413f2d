"""The first try at gates, which deck 000 shows to fail: kept to see it fail."""

import keras
from keras import ops

from kerasrnn.cells.base import GateCell


@keras.saving.register_keras_serializable(package="kerasrnn")
class UnboundedCell(GateCell):
    """Gates on an unbounded state: a step on the way to the GRU and the LSTM (deck 000).

        o_t = σ(x_t W_o + h_{t-1} U_o + b_o)                              (1)   read
        i_t = σ(x_t W_i + h_{t-1} U_i + b_i)                              (2)   write
        f_t = σ(x_t W_f + h_{t-1} U_f + b_f)                              (3)   remember
        n_t = tanh(x_t W_n + (o_t ⊙ h_{t-1}) U_n + b_n)                   (4)
        h_t = f_t ⊙ h_{t-1} + i_t ⊙ n_t                                   (5)

    Nothing ties (2) to (3): where f_t and i_t are near 1, |h_t| grows by up to 1 a step, and a
    large h_t saturates the gates that read it, so that their gradients vanish. The GRU sets
    f = 1 - i; the LSTM reads its memory through tanh. For teaching: use one of those.

    The product of (4) waits for (1), so the cell runs through the plain scan.

    Args:
        units: H.
        **options: see `GateCell`.
    Source: deck 000, "Improving hidden units in RNN" and "failure"; weights packed [o | i | f | n].
    """

    gates = 4
    gate_form = False
    gate_names = ("read", "write", "remember")  # in the order in which they are squashed
    recurrent_activation = staticmethod(ops.sigmoid)

    def step(self, z, states, product):
        z, z_n = z[..., : 3 * self.units], z[..., 3 * self.units :]
        gates = ops.split(z + product(states.h, 0, 3), 3, axis=-1)
        o, i, f = map(self.recurrent_activation, gates)  # (1) to (3)
        n = ops.tanh(z_n + product(o * states.h, 3, 4))  # (4)
        h = f * states.h + i * n  # (5)
        return h, (h,)
