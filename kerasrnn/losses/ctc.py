"""Connectionist temporal classification: how likely a labelling is, whichever frames its symbols fall on.

Axes: B and T as in `kerasrnn.shapes`, K symbols with the blank, L labels, U = L + 1 places of a
symbol, the last of them empty.
"""

from keras import ops

from kerasrnn.recurrence.engine import backend
from kerasrnn.recurrence.program import bucket, compiles, one_program
from kerasrnn.shapes import check_axes

NEVER = -1e30  # ln 0, finite, so that no sum of such is NaN


def ctc(labels, logits, label_lengths, frame_lengths, *, blank: int):
    """-ln p(labels | frames), summed over every alignment.

    An alignment writes a symbol or the blank in each frame; B(alignment) drops repeats, then blanks:

        p(l | x) = Σ_{π: B(π) = l} Π_t y_t[π_t],   y_t = softmax(logits_t)                (1)

    Blank u stands before symbol u, the last blank after all. With s_t(u) and b_t(u) the probability
    of all beginnings that end in frame t with symbol u and with blank u:

        e_t(u) = b_{t-1}(u) + s_{t-1}(u-1)                                                (2)
        b_t(u) = y_t[blank] e_t(u)                                                        (3)
        s_t(u) = y_t[l_u] (s_{t-1}(u) + (e_t(u) if l_u ≠ l_{u-1} else b_{t-1}(u)))        (4)
        p      = b_T(L) + s_T(L-1)                                                        (5)

    and, s' and b' being the same of all endings after frame t,

        ∂(-ln p) / ∂logits_t[k] = y_t[k] - Σ_{u: l_u = k} s_t(u) s'_t(u) / p              (6)

    (for the blank b b'). All are logarithms here. A frame that is not there writes the blank for sure.

    Args:
        labels: integers (B, L), from 0 to K-1 without `blank`; what stands after a row's length is ignored.
        logits: (B, T, K), floating; computed in float32.
        label_lengths, frame_lengths: integers (B,), 0 or more, at most L and T.
        blank: the symbol that stands for none.
    Returns:
        losses: float32 (B,), nats.
        possible: bool (B,). False where no alignment exists: fewer frames than labels and repeats
            in a row, a label that is none, or only symbols of probability 0. Loss and gradient are 0 there.
    Raises:
        ValueError: for other axes, or a blank that is no symbol.
    Source: Graves et al. 2006, "Connectionist temporal classification", eqs. 3, 5-8, 10, 15; (2) is
        what their (6) and (7) share, and endings leave out y_t, so that no division is needed.
    """
    logits, labels = ops.convert_to_tensor(logits), ops.cast(labels, "int32")
    check_axes("labels", labels.shape, "BL", "pad the rows on the right")
    check_axes("logits", logits.shape, "BTC", "for one sequence pass logits[None]")
    symbols = logits.shape[-1]
    if not 0 <= blank < symbols:
        raise ValueError(f"`blank` must be from 0 to {symbols - 1}, got {blank}.")
    label_lengths, frame_lengths = (ops.cast(x, "int32") for x in (label_lengths, frame_lengths))
    logits = ops.cast(logits, "float32")
    logits, labels = _padded(logits, 0), _padded(labels, 1)
    total = _log_probability(logits, labels, label_lengths, frame_lengths, blank)
    possible = ops.logical_not(total <= NEVER / 2)  # NaN stays NaN
    return ops.where(possible, -total, 0.0), possible


def _padded(x, more: int):
    """x (B, N, …) with `more` in axis 1, one at least, and where XLA compiles for each size one of few."""
    size = ops.shape(x)[1]
    whole = max(size + more, 1) if isinstance(size, int) else ops.maximum(size + more, 1)
    whole = bucket(whole) if compiles() else whole
    return ops.pad(x, [[0, 0], [0, whole - size]] + [[0, 0]] * (len(x.shape) - 2))


def _log_probability(logits, labels, label_lengths, frame_lengths, blank):
    """ln p (B,), with (6) as its gradient."""
    given = labels, label_lengths, frame_lengths, blank

    @ops.custom_gradient
    def log_probability(logits):
        logits = ops.stop_gradient(logits)
        total, *forward = one_program(_forward)(logits, *given)

        def gradient(upstream):
            return one_program(_gradient)(logits, *given, total, *forward, upstream)

        return total, gradient

    return log_probability(logits)


def _forward(logits, labels, label_lengths, frame_lengths, blank):
    """ln p (B,), and what its gradient reads again: `_log_frames`; ln s_t and ln b_t, (T, B, U) each."""
    y = _log_frames(logits, labels, label_lengths, frame_lengths, blank)
    differs = _differs(labels)
    first = (ops.arange(ops.shape(labels)[1]) == 0) & (label_lengths >= 0)[:, None]
    start = ops.where(first, 0.0, NEVER)  # b_0; s_0 has nothing

    def step(before, now):
        (s, b), (y_s, y_b) = before, now
        e = ops.logaddexp(b, _shifted(s, 1))  # (2)
        now = y_s + ops.logaddexp(s, ops.where(differs, e, b)), y_b + e  # (4), (3)
        return now, now

    (s, b), states = _scan(step, (ops.full_like(start, NEVER), start), y, frame_lengths)
    s_end, b_end = _ends(labels, label_lengths)
    total = ops.logsumexp(ops.logaddexp(s + s_end, b + b_end), axis=1)  # (5)
    return total, *y, *states


def _gradient(logits, labels, label_lengths, frame_lengths, blank, total, *streams):
    """Of ln p, with respect to the logits: -(6)."""
    *streams, upstream = streams
    differs = _differs(labels)
    total = ops.where(total <= NEVER / 2, 0.0, total)[:, None]  # the shares below are 0 then

    def step(after, now):
        (s, b), (y_s, y_b, s_before, b_before) = after, now
        shares = ops.exp(s_before + s - total), ops.exp(b_before + b - total)
        s, b = s + y_s, b + y_b
        e = ops.logaddexp(b, s)
        return (ops.logaddexp(s, _shifted(ops.where(differs, e, b), -1)), e), shares

    ends = _ends(labels, label_lengths)
    _, (of_s, of_b) = _scan(step, ends, streams, frame_lengths, reverse=True)
    symbols = logits.shape[-1]
    place = _places(labels, label_lengths, blank, symbols)[0]
    found = ops.einsum("tbu,buk->btk", of_s, ops.one_hot(place, symbols))
    of_b = ops.transpose(ops.sum(of_b, axis=2))[..., None]
    found = found + of_b * ops.one_hot(blank, symbols)
    found = ops.where(_there(logits, frame_lengths), found - ops.softmax(logits), 0.0)
    return found * upstream[:, None, None]


def _scan(step, carry, streams, frame_lengths, reverse=False):
    """The loop over all frames; outputs (B, U) of each, stacked. A window would be compiled for each value."""
    streams = {str(number): (stream, 1) for number, stream in enumerate(streams)}

    def body(carry, now):
        return step(carry, [part for (part,) in now.values()])

    return backend().scan(body, carry, streams, (None, None), reverse)


def _log_frames(logits, labels, label_lengths, frame_lengths, blank):
    """ln y_t[l_u] and ln y_t[blank], (T, B, U) and (T, B, 1)."""
    sure = ops.where(ops.arange(logits.shape[-1]) == blank, 0.0, NEVER)
    ln_y = ops.maximum(ops.log_softmax(logits), NEVER)
    ln_y = ops.where(_there(logits, frame_lengths), ln_y, sure)
    place, known = _places(labels, label_lengths, blank, logits.shape[-1])
    rows = ops.arange(ops.shape(labels)[0])[:, None] * logits.shape[-1] + place
    every = ops.reshape(ops.transpose(ln_y, (0, 2, 1)), (-1, ops.shape(logits)[1]))
    of_labels = ops.take(every, rows, axis=0)  # whole rows: far faster than along an axis
    of_labels = ops.transpose(ops.where(known[..., None], of_labels, NEVER), (2, 0, 1))
    return of_labels, ops.transpose(ln_y[..., blank])[..., None]


def _there(logits, frame_lengths):
    return (ops.arange(ops.shape(logits)[1])[None] < frame_lengths[:, None])[..., None]


def _places(labels, label_lengths, blank, symbols):
    """l (B, U), 0 where there is no label, and where there is one."""
    known = (labels >= 0) & (labels < symbols) & (labels != blank)
    known = known & (ops.arange(ops.shape(labels)[1]) < label_lengths[:, None])
    return ops.where(known, labels, 0), known


def _differs(labels):
    """Where (4) takes e, bool (B, U)."""
    return ops.pad(labels[:, 1:] != labels[:, :-1], [[0, 0], [1, 0]])


def _ends(labels, label_lengths):
    """The logarithms of s'_T and b'_T, (B, U)."""
    place, last = ops.arange(ops.shape(labels)[1]), label_lengths[:, None]
    return ops.where(place == last - 1, 0.0, NEVER), ops.where(place == last, 0.0, NEVER)


def _shifted(x, by: int):
    """x (B, U) with each place's value of the place `by` before it."""
    edge = ops.full_like(x[:, :1], NEVER)
    return ops.concatenate([edge, x[:, :-1]] if by > 0 else [x[:, 1:], edge], axis=1)
