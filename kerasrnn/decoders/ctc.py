"""From a CTC network's frames to symbols, in one graph of stock TensorFlow for a whole batch.

Axes: B, T, K (beams) as in `kerasrnn.shapes`; S symbols with the blank; N best labellings; L labels, as
many as T, and 1 if T is 0.
"""

from typing import NamedTuple

import tensorflow as tf

from kerasrnn.decoders.ctc_alignment import (
    NEVER,
    CTCPath,
    align,
    confidences,
    log_frames,
    places,
    runs,
)

__all__ = ["CTCPath", "align", "confidences", "greedy", "prefix_beam"]

ROOT, DEAD = 0x2545F4914F6CDD1D, -(2**62)  # keys of the empty labelling, and of what has no parent
MIX = 0x5851F42D4C957F2D  # odd, so that a product with it can be undone


def greedy(logits, frame_lengths, blank: int) -> CTCPath:
    """The likeliest alignment, one symbol a frame, without repeats and blanks. N is 1.

    `log_probabilities` are the alignment's own: those of its labelling are at least as high.

    Args:
        logits: (B, T, S), floating, without NaN.
        frame_lengths: integers (B,), at most T.
        blank: the symbol that stands for none.
    Source: Graves et al. 2006, "Connectionist temporal classification", section 3.2 (best path decoding).
    """
    ln_y, there = log_frames(logits, frame_lengths)
    best = tf.argmax(ln_y, axis=-1, output_type=tf.int32)  # (B, T)
    spoken = there & (best != blank)
    starts, ends, lengths = runs(best, spoken)
    symbols = tf.where(starts < 0, -1, tf.gather(best, tf.maximum(starts, 0), batch_dims=1))
    total = tf.reduce_sum(tf.where(there, tf.reduce_max(ln_y, axis=-1), 0.0), axis=1)
    return CTCPath(*(x[:, None] for x in (symbols, lengths, total, starts, ends)))


def prefix_beam(logits, frame_lengths, blank: int, width: int, n_best: int = 1) -> CTCPath:
    """The likeliest labellings, the alignments of each summed up as far as the beam holds them.

    The K likeliest labellings so far are kept, each with p_b, of its alignments that end with the blank, and
    p_s, of those that end with its last symbol. Frame t makes of labelling l

        p_b(l)     = y[blank] (p_b(l) + p_s(l))                                            (1)
        p_s(l)     = y[last of l] p_s(l)                                                   (2)
        p_s(l + c) = y[c] (p_b(l) + p_s(l), or p_b(l) alone if c is the last of l)         (3)

    where (3) is added to (2) of l + c if that is kept too. `log_probabilities` are ln (p_b + p_s):
    exact if no labelling was ever dropped, else a lower bound. `starts` and `ends` are those of the
    labelling's likeliest alignment, see `align`.

    Args:
        logits, frame_lengths, blank: see `greedy`.
        width: K, labellings kept, at least 1.
        n_best: N, labellings returned, at most K.
    Raises:
        ValueError: for other axes, or for numbers out of range.
    Source: Graves 2012, "Supervised Sequence Labelling with RNNs", algorithm 1; Hannun et al. 2014,
        arXiv:1408.2873, algorithm 1.
    """
    if not 1 <= n_best <= width:
        raise ValueError(f"`n_best` must be from 1 to the width, {width}, got {n_best}.")
    ln_y, there = log_frames(logits, frame_lengths)
    trellis, beams = _search(ln_y, there, blank, width)
    total = beams.total()[:, :n_best]
    found = total > NEVER / 2
    written = tf.where(found[..., None], _written(trellis, n_best), -1)
    new = places(written >= 0)
    symbols = tf.where(new < 0, -1, tf.gather(written, tf.maximum(new, 0), batch_dims=2))
    lengths = tf.reduce_sum(tf.cast(new >= 0, tf.int32), axis=-1)
    total = tf.where(found, total, tf.float32.min)
    starts, ends = align(logits, frame_lengths, symbols, lengths, blank)
    return CTCPath(symbols, lengths, total, starts, ends)


class _Beams(NamedTuple):
    """The labellings that are kept, (B, K) each; `key` tells them apart."""

    blank: tf.Tensor  # ln p_b
    symbol: tf.Tensor  # ln p_s
    last: tf.Tensor  # int32, -1 for the empty labelling
    key: tf.Tensor  # int64, a hash of the symbols
    parent: tf.Tensor  # int64, the key of the labelling without its last symbol

    def total(self):
        return _add(self.blank, self.symbol)


def _add(a, b):
    """ln (e^a + e^b)."""
    return tf.maximum(a, b) + tf.math.log1p(tf.exp(-tf.abs(a - b)))


def _search(ln_y, there, blank: int, width: int):
    """What each frame did: (T, B, K) the beam each one came from and its new symbol or -1; the last beams."""
    rows, steps = tf.unstack(tf.shape(there))
    slots = tf.zeros([rows, 1], tf.int32) + tf.range(width)
    empty = tf.where(slots == 0, 0.0, NEVER)
    dead = tf.cast(-1 - slots, tf.int64)
    key = tf.where(slots == 0, tf.constant(ROOT, tf.int64), dead)
    beams = _Beams(
        empty,
        tf.fill(tf.shape(empty), NEVER),
        -tf.ones_like(slots),
        key,
        tf.fill(tf.shape(key), tf.constant(DEAD, tf.int64)),
    )
    rows_of = [tf.TensorArray(tf.int32, steps, element_shape=slots.shape) for _ in range(2)]

    def body(t, beams, rows_of):
        new, parents, symbols = _advanced(beams, ln_y[:, t], blank, slots)
        now = there[:, t, None]
        new = _Beams(*(tf.where(now, *both) for both in zip(new, beams, strict=True)))
        kept = tf.where(now, parents, slots), tf.where(now, symbols, -1)
        return t + 1, new, [a.write(t, x) for a, x in zip(rows_of, kept, strict=True)]

    _, beams, rows_of = tf.while_loop(lambda t, *_: t < steps, body, [0, beams, rows_of])
    return [a.stack() for a in rows_of], beams


def _advanced(beams: _Beams, ln_y, blank: int, slots):
    """The beams after one frame ln y (B, S), where each came from and its new symbol or -1."""
    width, symbols, total = slots.shape[1], ln_y.shape[-1], beams.total()
    tokens = tf.range(symbols)
    own = tokens == beams.last[:, :, None]  # (B, K, S)
    of_last = tf.where(
        beams.last < 0, NEVER, tf.gather(ln_y, tf.maximum(beams.last, 0), batch_dims=1)
    )
    stay_blank = total + ln_y[:, None, blank]  # (1)
    stay_symbol = beams.symbol + of_last  # (2)
    longer = tf.where(own, beams.blank[:, :, None], total[:, :, None])  # (3), without y

    # (B, K, K): whether the second labelling is the first and one symbol more
    child = beams.parent[:, None, :] == beams.key[:, :, None]
    same = beams.last[:, :, None] == beams.last[:, None, :]
    met = tf.where(same, beams.blank[:, :, None], total[:, :, None])
    met = tf.reduce_max(tf.where(child, met, NEVER), axis=1)
    stay_symbol = _add(stay_symbol, met + of_last)
    # (B, K, S): whether a labelling and one symbol more is kept already
    kept = tf.matmul(tf.cast(child, tf.float32), tf.cast(own, tf.float32)) > 0.5

    longer = tf.where(kept | (tokens == blank), NEVER, longer + ln_y[:, None])
    stays = _add(stay_blank, stay_symbol)[:, :, None]
    scores = tf.where(tokens == blank, stays, longer)
    scores, best = tf.math.top_k(tf.reshape(scores, [tf.shape(ln_y)[0], width * symbols]), width)
    parents, token = best // symbols, best % symbols

    stays, alive = token == blank, scores > NEVER / 2

    def take(x):
        return tf.gather(x, parents, batch_dims=1)

    key = take(beams.key)
    mixed = (key + tf.cast(token + 1, tf.int64)) * MIX
    mixed = tf.bitwise.bitwise_xor(mixed, tf.bitwise.right_shift(mixed, 32))
    mixed = tf.bitwise.bitwise_and(mixed, tf.int64.max)  # what is dead has a negative key
    new = _Beams(
        tf.where(stays & alive, take(stay_blank), NEVER),
        tf.where(alive, tf.where(stays, take(stay_symbol), scores), NEVER),
        tf.where(stays, take(beams.last), token),
        tf.where(alive, tf.where(stays, key, mixed), tf.cast(-1 - slots, tf.int64)),
        tf.where(alive, tf.where(stays, take(beams.parent), key), DEAD),
    )
    new = _Beams(*(tf.ensure_shape(x, old.shape) for x, old in zip(new, beams, strict=True)))
    return new, parents, tf.where(stays, -1, token)


def _written(trellis, n_best: int):
    """The symbol that each of the first N beams got in each frame, or -1: (B, N, T)."""
    parents, symbols = trellis
    steps, rows = tf.unstack(tf.shape(parents)[:2])
    slots = tf.zeros([rows, 1], tf.int32) + tf.range(n_best)
    written = tf.TensorArray(tf.int32, steps, element_shape=slots.shape)

    def body(t, slots, written):
        written = written.write(t, tf.gather(symbols[t], slots, batch_dims=1))
        return t - 1, tf.gather(parents[t], slots, batch_dims=1), written

    written = tf.while_loop(lambda t, *_: t >= 0, body, [steps - 1, slots, written])[-1]
    return tf.transpose(written.stack(), (1, 2, 0))
