"""Forward and backward loop of every gate-form cell, written once over a backend's `scan`.

Time-major inside. Axes: T B H as in `kerasrnn.shapes`, G = gates * H. The backward loop produces
only dz_t and dr_t; dU and the bias' gradient are then one large product and one sum.
"""

from dataclasses import dataclass, field

import keras
from keras import ops

from kerasrnn.cells.base import Product, matmul_wide


@dataclass(frozen=True)
class Problem:
    """What the loops need besides tensors.

    Attributes:
        cell: the gate-form cell.
        reverse: run from the last step to the first.
        by_hand: use the cell's own gradient; otherwise `gate()` is differentiated automatically.
        biased, masked: whether `Operands` has `bias`, `keep`.
        dropped: how many `masks` it has.
    """

    cell: object
    reverse: bool = False
    by_hand: bool = True
    biased: bool = False
    masked: bool = False
    dropped: int = 0

    @property
    def key(self) -> tuple:
        """What distinguishes the problems of one cell."""
        return self.reverse, self.by_hand, self.biased, self.masked, self.dropped

    @property
    def saved(self) -> tuple[int, ...]:
        """Widths of what a step saves for the backward loop, in units of H."""
        return self.cell.saved if self.by_hand else (self.cell.gates,)


@dataclass
class Operands:
    """The tensors of one run.

    Attributes:
        z: (T, B, G). kernel: U (H, G). start: one (B, H) for each state.
        bias: b' (G,) or None. keep: bool (T, B, 1), False where a step is masked, or None.
        masks: dropout masks of h, (B, H) each. weights: the trainable weights that `gate()` reads.
    """

    z: object
    kernel: object
    start: tuple
    bias: object = None
    keep: object = None
    masks: tuple = ()
    weights: tuple = field(default=())

    def flat(self) -> list:
        optional = [x for x in (self.bias, self.keep) if x is not None]
        return [self.z, self.kernel, *self.start, *optional, *self.masks, *self.weights]

    @classmethod
    def unflat(cls, problem: Problem, tensors) -> "Operands":
        rest = list(tensors)
        z, kernel = rest.pop(0), rest.pop(0)
        start = tuple(rest.pop(0) for _ in problem.cell.states)
        bias = rest.pop(0) if problem.biased else None
        keep = rest.pop(0) if problem.masked else None
        masks = tuple(rest.pop(0) for _ in range(problem.dropped))
        return cls(z, kernel, start, bias, keep, masks, tuple(rest))


def scope(cell, weights):
    """Inside, `cell`'s own weights read as the given tensors."""
    return keras.StatelessScope(list(zip(cell.gate_weights, weights, strict=True)))


def forward(backend, problem: Problem, operands: Operands):
    """Run the loop.

    Returns:
        final: one (B, H) for each state.
        states: one (T, B, H) for each state, after each step.
        saved: a list of (T, B, width * H) for `backward`.
    """
    cell, count = problem.cell, len(problem.cell.states)
    product = Product(operands.kernel, operands.bias, operands.masks or None, cell.units)

    def body(states, step):
        previous = cell.State(*states)
        r = product(previous[0])
        z = pack(step["z"])
        if problem.by_hand:
            new, saved = cell.gate_forward(z, r, previous)
        else:
            new, saved = cell.gate(z, r, previous)[1], (r,)
        if problem.masked:
            new = [ops.where(step["keep"][0], n, o) for n, o in zip(new, previous, strict=True)]
        return tuple(new), (*new, *saved)

    streams = {"z": (operands.z, 1 if problem.by_hand else cell.gates)}
    if problem.masked:
        streams["keep"] = (operands.keep, 1)
    widths = [w * cell.units for w in (1,) * count + problem.saved]
    with scope(cell, operands.weights):
        final, stacked = backend.scan(body, operands.start, streams, widths, problem.reverse)
    return final, stacked[:count], stacked[count:]


def pack(pieces):
    """Pieces (B, H) side by side; XLA takes them apart again where only pieces are used."""
    return pieces[0] if len(pieces) == 1 else ops.concatenate(pieces, axis=-1)


def before(states, start, reverse: bool):
    """(T, B, H) the state before each step, from the state after each step."""
    if reverse:
        return ops.concatenate([states[1:], start[None]], axis=0)
    return ops.concatenate([start[None], states[:-1]], axis=0)


def backward(backend, problem: Problem, operands: Operands, results, d_outputs, d_final) -> list:
    """Gradients of `operands.flat()`, None where there is none.

    Args:
        results: what `forward` returned.
        d_outputs: gradient of the first state after each step, (T, B, H).
        d_final: gradients of the final states, (B, H) each.
    """
    cell = problem.cell
    _, states, saved = results
    previous = [
        before(s, s0, problem.reverse) for s, s0 in zip(states, operands.start, strict=True)
    ]
    body, widths = _reversed_step(backend, problem, operands)
    streams = {"upstream": (d_outputs, 1)}
    for name, tensors in (("previous", previous), ("states", states)):
        streams.update({f"{name}{k}": (x, 1) for k, x in enumerate(tensors)})
    for k, (x, width) in enumerate(zip(saved, problem.saved, strict=True)):
        streams[f"saved{k}"] = (x, width)
    if not problem.by_hand:
        streams["z"] = (operands.z, cell.gates)
    if problem.masked:
        streams["keep"] = (operands.keep, 1)
    start = (*d_final, *(ops.zeros_like(w) for w in operands.weights))
    with scope(cell, operands.weights):
        last, stacked = backend.scan(body, start, streams, widths, not problem.reverse)
    d_start, d_weights = last[: len(cell.states)], last[len(cell.states) :]
    d_z, d_r = stacked[0], stacked[-1]
    d_bias = [ops.sum(d_r, axis=(0, 1))] if problem.biased else []
    none = [None] * (problem.masked + problem.dropped)
    d_kernel = _kernel_gradient(problem, operands, previous[0], d_r)
    return [d_z, d_kernel, *d_start, *d_bias, *none, *d_weights]


def _reversed_step(backend, problem: Problem, operands: Operands):
    """The backward loop's body, and the widths of what it puts out."""
    cell, count = problem.cell, len(problem.cell.states)
    transposed = _Transposed(operands.kernel, operands.masks, cell.units)

    def body(carry, step):
        d_states, d_weights = list(carry[:count]), carry[count:]
        d_states[0] = d_states[0] + step["upstream"][0]
        skipped = [None] * count
        if problem.masked:
            keep = step["keep"][0]
            skipped = [ops.where(keep, 0.0, d) for d in d_states]
            d_states = [ops.where(keep, d, 0.0) for d in d_states]
        previous = cell.State(*(step[f"previous{k}"][0] for k in range(count)))
        saved = [piece for k in range(len(problem.saved)) for piece in step[f"saved{k}"]]
        if problem.by_hand:
            states = cell.State(*(step[f"states{k}"][0] for k in range(count)))
            d_z, d_r, d_previous = cell.gate_backward(saved, previous, states, d_states)
        else:
            d_z, d_r, *rest = backend.vjp(
                lambda z, r, *old: cell.gate(z, r, cell.State(*old))[1],
                (pack(step["z"]), pack(saved), *previous),
                d_states,
                cell.gate_weights,
            )
            d_previous, added = rest[:count], rest[count:]
            d_weights = [d + a for d, a in zip(d_weights, added, strict=True)]
        through = transposed(d_z if d_r is None else d_r)
        d_previous = [_add(a, b) for a, b in zip(d_previous, skipped, strict=True)]
        d_previous[0] = _add(d_previous[0], through)
        return (*d_previous, *d_weights), (d_z,) if d_r is None else (d_z, d_r)

    return body, [cell.gates * cell.units] * (1 if problem.by_hand and cell.additive else 2)


def _add(a, b):
    return b if a is None else a if b is None else a + b


class _Transposed:
    """dh of r = h U, with the masks of h."""

    def __init__(self, kernel, masks, units: int):
        self.kernel, self.masks, self.units = kernel, masks, units

    def __call__(self, d_r):
        if len(self.masks) <= 1:
            d_h = matmul_wide(d_r, ops.transpose(self.kernel))
            return d_h * self.masks[0] if self.masks else d_h
        d_h = 0
        for k, mask in enumerate(self.masks):
            part = slice(k * self.units, (k + 1) * self.units)
            d_h = d_h + mask * matmul_wide(d_r[:, part], ops.transpose(self.kernel[:, part]))
        return d_h


def _kernel_gradient(problem: Problem, operands: Operands, h, d_r):
    """dU (H, G) of r_t = h_{t-1} U for all steps: h (T, B, H), d_r (T, B, G)."""
    units = problem.cell.units

    def outer(h, d_r):
        h = ops.reshape(h, (-1, units))
        d_r = ops.cast(ops.reshape(d_r, (-1, d_r.shape[-1])), operands.kernel.dtype)
        return ops.matmul(ops.transpose(ops.cast(h, d_r.dtype)), d_r)

    masks = operands.masks
    if len(masks) <= 1:
        return outer(h * masks[0] if masks else h, d_r)
    parts = ops.split(d_r, len(masks), axis=-1)
    return ops.concatenate([outer(h * m, d) for m, d in zip(masks, parts, strict=True)], axis=-1)
