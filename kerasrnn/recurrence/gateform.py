"""Forward and backward loop of every gate-form cell, written once over a backend's `scan`.

Time-major inside; only the first state and its gradient keep the batch first, as the layer has them.
Axes as in `kerasrnn.recurrence.problem`. The backward loop produces only the gradients of z_t and
r_t; that of U is then one large product, and those of b' and the gains a sum, or added up on the way.
"""

import keras
from keras import ops

from kerasrnn.cells.base import GateCell
from kerasrnn.cells.drops import carry_over
from kerasrnn.cells.product import centred, normalise, normalise_gradient
from kerasrnn.recurrence.problem import Operands, Problem, Stream


def scope(cell, weights):
    """Inside, `cell`'s own weights read as the given tensors."""
    return keras.StatelessScope(list(zip(cell.gate_weights, weights, strict=True)))


def pack(pieces):
    """Pieces (B, H) side by side; XLA takes them apart again where only pieces are used."""
    return pieces[0] if len(pieces) == 1 else ops.concatenate(pieces, axis=-1)


def forward(backend, problem: Problem, operands: Operands, window=None):
    """Run the loop.

    Args:
        window: (first, count) the steps that are run, scalars; None runs all.
    Returns:
        final: one (B, H) for each state.
        states: after each step; the first (B, T, H), the others (T, B, H).
        saved: a list of (T, B, width) for `backward`, and x W where the loop normalises it.
    """
    cell, count = problem.cell, len(problem.cell.states)
    product = operands.product(problem)

    def body(states, step):
        previous = cell.State(*states, **operands.noise_at(problem, step))
        r, kept = product.raw(cell.recall(previous)), ()
        if problem.normed:
            kept = normalise(r)
            r = kept[0]
        r = product.finish(r)
        z = [made(step["x"][0])] if problem.inside else step["z"]
        z = pack([p + b for p, b in zip(z, late, strict=True)] if late else z)
        if problem.gained:
            z, inverse = normalise(z)
            z, kept = z * operands.gain, (*kept, inverse)
            z = z if operands.shift is None else z + operands.shift
        if problem.by_hand:
            new, saved = cell.gate_forward(z, r, previous)
        else:
            new, saved = cell.gate(z, r, previous)[1], (r,)
        keep = [step[f"keep{k}"][0] for k in range(problem.keeps)]
        new = carry_over(new, states, keep, problem.rates)
        return new, (*new, *saved, *kept)

    def made(x):
        """z of one step, in the dtype of the states."""
        return ops.cast(ops.matmul(x, operands.front[1]), operands.start[0].dtype)

    pieces = 1 if problem.single or problem.inside else cell.gates
    # b joins what the loop computes anyway; added ahead, it would cost a pass over z.
    late = ops.split(operands.front[2], pieces) if problem.fronts == 3 else ()
    z = None if problem.inside else operands.projected(bias=False).front[0]
    streams = {"x": Stream(operands.front[0], axis=1)} if problem.inside else {"z": (z, pieces)}
    streams.update({f"keep{k}": (x, 1) for k, x in enumerate(operands.keep)})
    streams.update(operands.noise_streams())
    widths = cell.widths + problem.saved
    with scope(cell, operands.weights):
        final, stacked = backend.scan(
            body, operands.start, streams, widths, problem.reverse, window
        )
    states = [ops.transpose(stacked[0], (1, 0, 2)), *stacked[1:count]]
    return final, states, [*stacked[count:], *([z] if problem.gained else [])]


def before(states, start, reverse: bool):
    """(T, B, H) the state before each step, from the state after each step."""
    if reverse:
        return ops.concatenate([states[1:], start[None]], axis=0)
    return ops.concatenate([start[None], states[:-1]], axis=0)


def backward(backend, problem, operands, results, d_outputs, d_final, window=None) -> tuple:
    """Run the loop back.

    Where only some gates have one gradient for z and r, theirs is written once, as a piece that both
    have, and no copy puts the pieces side by side. Where something is normalised, the gradients of gains
    and biases are added up in the loop, so that those behind the normalisation need not be kept.

    Args:
        results: what `forward` returned.
        d_outputs: gradient of the first state after each step, (B, T, H); None for 0.
        d_final: gradients of the final states, (B, H) each.
        window: as for `forward`.
    Returns:
        gradients: of z and r at all steps, (T, B, …) each: see `Problem.apart`.
        rest: gradients of the operands behind the kernel, None where there is none.
    """
    cell, count = problem.cell, len(problem.cell.states)
    _, states, saved = results
    streams = {} if d_outputs is None else {"upstream": Stream(d_outputs, axis=1)}
    for k, (after, start) in enumerate(zip(states, operands.start, strict=True)):
        axis = int(k == 0)
        streams[f"states{k}"] = Stream(after, axis=axis)
        streams[f"previous{k}"] = Stream(after, 1, axis, start, problem.reverse)
    streams.update({f"keep{k}": (x, 1) for k, x in enumerate(operands.keep)})
    streams.update(operands.noise_streams())
    for k, x in enumerate(saved):
        streams[f"saved{k}"] = (x, problem.own[k] if k < len(problem.own) else 1)
    if not problem.by_hand and not problem.gained:
        streams["z"] = (operands.projected().front[0], cell.gates)
    body = reversed_step(backend, problem, operands)
    summed = operands.vectors if problem.normed else ()
    sums = [ops.zeros_like(saved[len(problem.own)][0]) for _ in summed]
    carry = (*d_final, *(ops.zeros_like(w) for w in operands.weights), *sums)
    with scope(cell, operands.weights):
        last, stacked = backend.scan(
            body, carry, streams, problem.gradients, not problem.reverse, window
        )
    d_start, d_weights = last[:count], last[count : count + len(operands.weights)]
    shared = problem.sets == 1  # by all rows, which otherwise have vectors of their own
    if problem.normed:
        vectors = last[count + len(d_weights) :]
        vectors = [ops.sum(d, axis=0) for d in vectors] if shared else vectors
    else:
        d_r, over = problem.apart(stacked)[1] if problem.biased else (), (0, 1) if shared else 0
        vectors = [pack([ops.sum(d, axis=over) for d in d_r])] if d_r else []
    without = [None] * (problem.keeps + problem.dropped + len(problem.noises))
    return stacked, [*d_start, *vectors, *without, *d_weights]


def kernel_gradient(problem: Problem, operands: Operands, states, gradients):
    """Gradient of U, one large product for all steps.

    Apart, as not every backend is best at it inside, and what U was multiplied with need not lie beside what
    the loops keep.

    Args:
        states: as `forward` returned them.
        gradients: as `backward` returned them.
    """
    cell = problem.cell
    states = [ops.transpose(states[0], (1, 0, 2)), *states[1:]]
    pairs = zip(states, operands.start, strict=True)
    recalled = cell.recall(cell.State(*(before(x, start, problem.reverse) for x, start in pairs)))
    d_kernel = operands.product(problem).kernel_gradient(recalled, problem.apart(gradients)[1])
    return centred(d_kernel) if problem.centred else d_kernel


def reversed_step(backend, problem: Problem, operands: Operands):
    """The backward loop's body."""
    cell, count = problem.cell, len(problem.cell.states)
    product_back = operands.product(problem).back()

    def differentiate(step, d_states, d_weights):
        noise = operands.noise_at(problem, step)
        previous = cell.State(*(step[f"previous{k}"][0] for k in range(count)), **noise)
        saved = [piece for k in range(len(problem.own)) for piece in step[f"saved{k}"]]
        if problem.by_hand:
            states = cell.State(*(step[f"states{k}"][0] for k in range(count)))
            return *cell.gate_backward(saved, previous, states, d_states), d_weights
        d_z, d_r, *rest = backend.vjp(
            lambda z, r, *old: cell.gate(z, r, cell.State(*old, **noise))[1],
            (_z(problem, operands, step), pack(saved), *previous[:count]),
            d_states,
            cell.gate_weights,
        )
        sums = [d + added for d, added in zip(d_weights, rest[count:], strict=True)]
        return None, (d_z, d_r), rest[:count], sums

    def body(carry, step):
        d_states = list(carry[:count])
        if "upstream" in step:
            d_states[0] = d_states[0] + step["upstream"][0]
        keep = [step[f"keep{k}"][0] for k in range(problem.keeps)]
        d_states, d_skipped = _split(d_states, keep, problem.rates)
        weights = carry[count : count + len(operands.weights)]
        alike, own, d_previous, d_weights = differentiate(step, d_states, weights)
        outputs, sums = [*([] if alike is None else [alike]), *own], ()
        if problem.normed:
            outputs, added = _through_norms(problem, operands, step, outputs)
            sums = carry[count + len(weights) :]
            sums = [old + new for old, new in zip(sums, added, strict=True)]
        d_r = pack(problem.apart(outputs)[1])
        d_previous = [_add(a, b) for a, b in zip(d_previous, d_skipped, strict=True)]
        old = [step[f"previous{k}"][0] for k in range(count)]
        d_recalled = _recall_gradient(backend, cell, old, product_back(d_r))
        d_previous = [_add(a, b) for a, b in zip(d_previous, d_recalled, strict=True)]
        return (*d_previous, *d_weights, *sums), tuple(outputs)

    return body


def _z(problem: Problem, operands: Operands, step):
    """z of a step, (B, G), for `gate()`."""
    if not problem.gained:
        return pack(step["z"])
    *_, inverse, raw = _norms(problem, step)
    z = raw * inverse * operands.gain
    return z if operands.shift is None else z + operands.shift


def _norms(problem: Problem, step) -> list:
    """What a step saved of its normalisations: h U normalised and its factor; x W's factor, and x W."""
    first = len(problem.own)
    count = 2 + 2 * problem.gained
    return [step[f"saved{k}"][0] for k in range(first, first + count)]


def _through_norms(problem: Problem, operands: Operands, step, gradients):
    """Gradients of x W and h U before they are normalised, and those of `operands.vectors`, (B, G) each."""
    d_z, d_r = map(pack, problem.apart(gradients))
    normal, inverse, *ahead = _norms(problem, step)
    sums = [d_r, d_r * normal] if problem.biased else [d_r * normal]
    d_r = normalise_gradient(d_r * operands.scale, normal, inverse)
    if problem.gained:
        inverse, raw = ahead
        normal = raw * inverse
        sums += [d_z * normal, d_z] if problem.shifted else [d_z * normal]
        d_z = normalise_gradient(d_z * operands.gain, normal, inverse)
    return [d_z, d_r], sums


def _recall_gradient(backend, cell, previous, d):
    """Gradients of the previous states from that of what U multiplies."""
    if type(cell).recall is GateCell.recall:
        return [d] + [None] * (len(previous) - 1)
    return backend.vjp(lambda *old: (cell.recall(cell.State(*old)),), previous, (d,), [])


def _split(d_states, keep, rates):
    """The part of the gradient that goes through the step, and the part that goes around it."""
    around = [None] * len(d_states)
    if keep:
        keep = keep if len(keep) > 1 else keep * len(d_states)
        around = [ops.where(k, 0.0, d) for k, d in zip(keep, d_states, strict=True)]
        d_states = [ops.where(k, d, 0.0) for k, d in zip(keep, d_states, strict=True)]
    if any(rates):
        around = [_add(a, p * d) for a, p, d in zip(around, rates, d_states, strict=True)]
        d_states = [(1 - p) * d for p, d in zip(rates, d_states, strict=True)]
    return d_states, around


def _add(a, b):
    return b if a is None else a if b is None else a + b
