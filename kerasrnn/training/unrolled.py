"""Recurrent layers run in the open: every state, every step and the gradient at each within reach."""

from contextlib import contextmanager
from dataclasses import dataclass, field

import keras
import tensorflow as tf
from keras import ops

from kerasrnn import recurrence
from kerasrnn.cells.drops import carry_over
from kerasrnn.layers import Recurrent
from kerasrnn.recurrence import engine
from kerasrnn.recurrence.gateform import before


@dataclass
class Unrolled:
    """One run of a cell over a sequence, all steps side by side; each tensor is time-major.

    Attributes:
        cell: the cell.
        z: x_t W + b, (T, B, G).
        start: the initial states, (B, width) each.
        states: the states after each step, (T, B, width) each.
        taps: zeros (T, B, width), added to the states: their gradients are those of the states.
        product, noise, rates: the product h U, masks and zoneout of the run; see `GateCell`.
        keep: bool (T, B, 1 or width) each, False where a step left a state as it was, or none.
        reverse: the run went from the last step to the first.
    """

    cell: object
    z: tf.Tensor
    start: tuple
    product: object
    keep: tuple
    noise: dict
    rates: tuple
    reverse: bool
    taps: tuple = ()
    states: tuple = field(default=())

    @property
    def previous(self) -> tuple:
        """The states before each step, (T, B, width) each."""
        pairs = zip(self.states, self.start, strict=True)
        return tuple(before(states, start, self.reverse) for states, start in pairs)

    def step(self, z, states, product=None, noise=None):
        """New states of steps z (…, G) from `states` (…, width), before masks and zoneout."""
        named = self.cell.State(*states, **(self.noise if noise is None else noise))
        return self.cell.step(z, named, product or self.product)[1]

    def settle(self, new, old, keep):
        """`new` with what masks and zoneout leave of `old`."""
        return carry_over(new, old, keep, self.rates)

    def scan(self):
        """Run the steps one after the other: the first state after each (B, T, …), the last states."""

        def body(states, step):
            own = {name: step.get(name, [x])[0] for name, x in self.noise.items()}
            new = self.step(step["z"][0], states, noise=own)
            new = self.settle(new, states, [step[f"keep{k}"][0] for k in range(len(self.keep))])
            new = tuple(n + step[f"tap{k}"][0] for k, n in enumerate(new))
            return new, new

        streams = {"z": self.z, **{f"keep{k}": x for k, x in enumerate(self.keep)}}
        streams |= {f"tap{k}": x for k, x in enumerate(self.taps)}
        streams |= {name: x for name, x in self.noise.items() if len(x.shape) == 3}
        streams = {name: (x, 1) for name, x in streams.items()}
        widths = [x.shape[-1] for x in self.start]
        last, states = engine.backend().scan(body, self.start, streams, widths, self.reverse)
        self.states = tuple(states)
        return ops.transpose(self.states[0], (1, 0, 2)), list(last)


@contextmanager
def unrolled(tape: tf.GradientTape | None = None):
    """Inside, runs of `kerasrnn.layers` are collected in the list that this gives.

    Args:
        tape: watches the taps, so that it knows the gradient of every state.
    """
    runs = []

    def watch(cell, z, start, product, keep, noise, rates, reverse, single):
        del single  # a scan of one step is one step
        run = Unrolled(cell, z, tuple(start), product, tuple(keep), noise, rates, reverse)
        steps, batch = ops.shape(z)[:2]
        run.taps = tuple(ops.zeros((steps, batch, s.shape[-1]), s.dtype) for s in start)
        if tape is not None:
            tape.watch(run.taps)
        runs.append(run)
        return run.scan()

    with recurrence.watched(watch):
        yield runs


def recurrent_layers(model: keras.Model) -> list[Recurrent]:
    """The layers of `model`, however deep, that run a cell of `kerasrnn.cells`."""
    layers = [x for x in model._flatten_layers() if isinstance(x, Recurrent)]
    return [x for x in layers if isinstance(x.cell, recurrence.engine.GateCell)]


def cell_names(model: keras.Model) -> dict[int, str]:
    """The name of the layer that runs a cell, by the cell's id, for every cell of `kerasrnn.cells`.

    Raises:
        ValueError: if the model has none.
    """
    names = {id(x.cell): x.name for x in recurrent_layers(model)}
    if not names:
        raise ValueError(
            f"`model` must have a layer of `kerasrnn.layers` with a cell of `kerasrnn.cells`, got "
            f"{model.name!r} with {[x.name for x in model.layers]}."
        )
    return names
