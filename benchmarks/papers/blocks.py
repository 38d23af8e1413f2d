"""The LSTM of 1997: blocks of cells that share their gates, and nothing that forgets."""

from jax import lax
from jax import numpy as jnp
from keras import ops

from kerasrnn.cells import GateCell


class MemoryBlocksCell(GateCell):
    """Memory blocks, each of some cells behind one input gate and one output gate.

        i_t = σ(x_t W_i + q_{t-1} U_i + b_i)                     (1)   one a block
        o_t = σ(x_t W_o + q_{t-1} U_o + b_o)                     (2)   one a block
        c_t = c_{t-1} + i_t ⊙ g(x_t W_c + q_{t-1} U_c + b_c)     (3)   g(a) = 4σ(a) - 2
        h_t = o_t ⊙ h(c_t)                                       (4)   h(a) = 2σ(a) - 1
        q_t = [h_t, i_t, o_t]                                    (5)   no error flows back through q

    Args:
        units: blocks K.
        cells: S of each block; h and c are K S wide.
        **options: see `GateCell`.
    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", section 4 and appendix A.1;
    (5) is their truncated gradient.
    """

    states = ("h", "c", "i", "o")
    gate_form = False  # (5) cuts the gradient, which the loops of the gate form do not

    def __init__(self, units: int, cells: int = 2, **options):
        super().__init__(units, **options)
        self.cells = cells

    @property
    def gates(self) -> int:
        return 2 + self.cells

    @property
    def widths(self) -> tuple[int, ...]:
        wide = self.units * self.cells
        return wide, wide, self.units, self.units

    @property
    def recurrent_width(self) -> int:
        return sum(self.widths) - self.widths[1]

    def recall(self, states):
        return ops.stop_gradient(ops.concatenate([states.h, states.i, states.o], axis=-1))  # (5)

    def gate(self, z, r, states):
        i, o, g = ops.split(z + r, [self.units, 2 * self.units], axis=-1)
        i, o = ops.sigmoid(i), ops.sigmoid(o)  # (1), (2)
        g = 4 * ops.sigmoid(g) - 2
        c = states.c + ops.repeat(i, self.cells, axis=-1) * g  # (3)
        h = ops.repeat(o, self.cells, axis=-1) * (2 * ops.sigmoid(c) - 1)  # (4)
        return h, (h, c, i, o)

    def get_config(self) -> dict:
        return {**super().get_config(), "cells": self.cells}


def last_output(cell: MemoryBlocksCell, x, mask):
    """h_T of one sequence, its gradient without a loop back through time.

    No error flows through q, so once the loop forward has found q, every step adds to c as if it stood
    alone, and all can be done at once: c_T = Σ_t (c_t - c_{t-1}).

    Args:
        x: (T, D).
        mask: bool (T,), True up to the sequence's end.
    Returns:
        (1, K S).
    """
    z = cell.project(x)
    held = cell.product(kernel=lax.stop_gradient(cell.recurrent_matrix()))

    def step(states, now):
        z, counts = now
        new = cell.step(z, states, held)[1]
        return cell.State(
            *(jnp.where(counts, n, o) for n, o in zip(new, states, strict=True))
        ), states

    start = cell.State(*(jnp.zeros((1, width)) for width in cell.widths))
    before = lax.scan(step, start, (lax.stop_gradient(z)[:, None], mask))[1]
    before = cell.State(*(lax.stop_gradient(state)[:, 0] for state in before))  # (T, width)
    product = cell.product()
    last = jnp.sum(mask) - 1
    added = cell.step(z, before, product)[1][1] - before.c
    earlier = jnp.arange(len(x)) < last
    c = jnp.sum(jnp.where(earlier[:, None], added, 0), axis=0)
    z, *states = (lax.dynamic_slice_in_dim(a, last, 1) for a in (z, *before))
    return cell.step(z, cell.State(*states)._replace(c=c[None]), product)[0]
