"""What a loop runs on: the cell's problem, its tensors, and what a step reads of them.

Axes as in `kerasrnn.shapes`, G = gates * H.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from keras import ops

from kerasrnn.cells.product import Product, centred, matmul_flat


class Stream(NamedTuple):
    """What every step reads its own part of.

    Attributes:
        values: (T, …, width), or (B, T, width) where `axis` is 1.
        pieces: how many the part is read in, along the last axis. XLA writes vector code for a piece
            read by itself, and scalar code for the slices of a wider read.
        axis: of time.
        start: (…, width), given where a step reads the part of the step before: what the first one
            reads. "Before" in the order of a run from the first step to the last, or if `reverse`
            from the last to the first.
        reverse: see `start`.
    """

    values: Any
    pieces: int = 1
    axis: int = 0
    start: Any = None
    reverse: bool = False

    @property
    def width(self) -> int | None:
        """Of a piece; None where only the graph will know it, which wants a single piece."""
        width = self.values.shape[-1]
        return None if width is None else width // self.pieces

    @property
    def edge(self) -> int:
        """Where `start` is read, an index of time that may count from the end."""
        return -1 if self.reverse else 0


@dataclass(frozen=True)
class Problem:
    """What the loops need besides tensors.

    Attributes:
        cell: the gate-form cell.
        reverse: run from the last step to the first.
        by_hand: use the cell's own gradient; otherwise `gate()` is differentiated automatically.
        biased, normed, gained, shifted: whether `Operands` has `bias`, `scale`, `gain`, `shift`.
        keeps, dropped: how many `keep`, `masks` it has.
        noises: the names of its `noise`.
        rates: the fraction of each old state that stays, or none.
        fronts: how many tensors `Operands.front` has.
        sequences: the outputs of all steps are wanted, not only the final states.
        inside: each step makes its own z of x, so that those of all steps need not be kept.
        sets: of weights, each for its part of the rows: see `kerasrnn.recurrence.directions`.
    """

    cell: object
    reverse: bool = False
    by_hand: bool = True
    biased: bool = False
    normed: bool = False
    gained: bool = False
    shifted: bool = False
    keeps: int = 0
    dropped: int = 0
    noises: tuple[str, ...] = ()
    rates: tuple[float, ...] = ()
    fronts: int = 1
    sequences: bool = True
    inside: bool = False
    sets: int = 1

    @property
    def key(self) -> tuple:
        """What distinguishes the problems of one cell."""
        ways = self.reverse, self.by_hand, self.biased, self.normed, self.gained, self.shifted
        counts = self.keeps, self.dropped, self.noises, self.fronts
        return (*ways, *counts, self.rates, self.sequences, self.inside, self.sets)

    @property
    def own(self) -> tuple[int, ...]:
        """Widths, in units of H, of what the cell's gates save for the backward loop."""
        return self.cell.saved if self.by_hand else (self.cell.gates,)

    @property
    def saved(self) -> tuple[int, ...]:
        """Widths of what a step saves for the backward loop: `own`; the normalised h U, and what it was
        multiplied by; what x W was multiplied by."""
        units, gates = self.cell.units, self.cell.gates
        norms = ((gates * units, 1) if self.normed else ()) + ((1,) if self.gained else ())
        return tuple(width * units for width in self.own) + norms

    @property
    def centred(self) -> bool:
        """Whether U is centred ahead of the loop, so that no step needs the mean of h U."""
        return self.normed and self.dropped <= 1

    @property
    def alike(self) -> int:
        """For how many gates, the first ones, z and r have the same gradient."""
        return self.cell.alike if self.by_hand else 0

    @property
    def single(self) -> bool:
        """Whether z and r have the same gradient."""
        return self.alike == self.cell.gates

    @property
    def gradients(self) -> tuple[int, ...]:
        """Widths of what the backward loop leaves: the gradient of z and r where they are alike, that of z
        and that of r where they are not. Where something is normalised, that of x W and that of h U."""
        alike, gates = self.alike, self.cell.gates
        own = () if self.single else (gates - alike,) * 2
        widths = (gates, gates) if self.normed else ((alike,) if alike else ()) + own
        return tuple(width * self.cell.units for width in widths)

    def apart(self, gradients) -> tuple[list, list]:
        """The gradient of z and that of r, in pieces side by side, of as many as `gradients` says."""
        whole = len(gradients) == 2  # nothing is alike, or all of z and r had its norm's gradient
        shared, own = ([], list(gradients)) if whole else (list(gradients[:1]), list(gradients[1:]))
        return shared + own[:1], shared + own[1:]


@dataclass
class Operands:
    """The tensors of one run.

    Attributes:
        front: z (T, B, G); or x (B, T, D), W (D, G) and maybe b (G,), of which it is made.
        kernel: U (H, G), or one for each set of weights (N, H, G). start: one (B, H) for each state.
        bias: b' (G,), or a row of each sequence's own (B, G), or None. scale: gain of the normalised
            h U, (G,) or (B, G), or None.
        gain, shift: (G,) or None; each step normalises z, multiplies it by `gain`, and adds `shift`.
        keep: bool (T, B, 1 or H), False where a step leaves the state: none, one, or one a state.
        masks: dropout masks of h, (B, H) each. noise: masks that `gate()` reads, (B, H) or a step's
            own (T, B, H) each. weights: the trainable weights that `gate()` reads.
    """

    front: tuple
    kernel: object
    start: tuple
    bias: object = None
    scale: object = None
    gain: object = None
    shift: object = None
    keep: tuple = ()
    masks: tuple = ()
    noise: tuple = ()
    weights: tuple = ()

    @property
    def vectors(self) -> list:
        """Biases and gains, as many as there are."""
        return [x for x in (self.bias, self.scale, self.gain, self.shift) if x is not None]

    def flat(self) -> list:
        rest = (*self.vectors, *self.keep, *self.masks, *self.noise, *self.weights)
        return [*self.front, self.kernel, *self.start, *rest]

    @classmethod
    def unflat(cls, problem: Problem, tensors) -> "Operands":
        rest = list(tensors)
        front = tuple(rest.pop(0) for _ in range(problem.fronts))
        kernel = rest.pop(0)
        start = tuple(rest.pop(0) for _ in problem.cell.states)
        there = problem.biased, problem.normed, problem.gained, problem.shifted
        vectors = [rest.pop(0) if given else None for given in there]
        keep = tuple(rest.pop(0) for _ in range(problem.keeps))
        masks = tuple(rest.pop(0) for _ in range(problem.dropped))
        noise = tuple(rest.pop(0) for _ in problem.noises)
        return cls(front, kernel, start, *vectors, keep, masks, noise, tuple(rest))

    def projected(self, bias: bool = True) -> "Operands":
        """The same with z for what it is made of; without b where `bias` is False."""
        if len(self.front) == 1:
            return self
        x, kernel, *b = self.front
        z = ops.cast(matmul_flat(ops.transpose(x, (1, 0, 2)), kernel), self.start[0].dtype)
        return replace(self, front=(z + b[0] if b and bias else z,))

    def noise_streams(self) -> dict:
        """The noise that every step has its own of."""
        return {f"noise{k}": (x, 1) for k, x in enumerate(self.noise) if len(x.shape) == 3}

    def noise_at(self, problem: Problem, step) -> dict:
        """The noise of one step, by name."""
        at = [step.get(f"noise{k}", [x])[0] for k, x in enumerate(self.noise)]
        return dict(zip(problem.noises, at, strict=True))

    def product(self, problem: Problem) -> Product:
        kernel = centred(self.kernel) if problem.centred else self.kernel
        late = problem.normed and not problem.centred
        return Product(kernel, self.bias, self.masks, self.scale, problem.cell.units, late)
