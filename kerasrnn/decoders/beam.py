"""Beam search in one graph of stock TensorFlow: the likeliest whole sequences of a whole batch at once."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasrnn.decoders.repeats import repeating
from kerasrnn.shapes import check_axes

_NEVER = -np.inf  # the score of what is not there


class Beams(NamedTuple):
    """The likeliest sequences of each row, best first.

    Attributes:
        tokens: int32 (B, N, L), the end among them, right-padded with 0.
        lengths: int32 (B, N), tokens of each, the end counted.
        scores: float32 (B, N), ln P / ((5 + n) / 6)^α.
        counts: int32 (B,), how many of the N are sequences. The places after them hold no tokens,
            length 0 and the lowest float32, a score that JSON can carry.
    """

    tokens: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    counts: tf.Tensor


class _Live(NamedTuple):
    """The sequences that are still written."""

    totals: tf.Tensor  # float32 (B, K), ln P so far; -inf where there is none
    last: tf.Tensor  # int32 (B, K), what `step` reads next
    written: tf.Tensor  # int32 (B, K, L)


class _Found(NamedTuple):
    """The best whole sequences so far, best first."""

    scores: tf.Tensor  # float32 (B, N); -inf where there is none
    lengths: tf.Tensor  # int32 (B, N)
    tokens: tf.Tensor  # int32 (B, N, L)


class _Search(NamedTuple):
    """What does not change from step to step."""

    width: int | tf.Tensor  # K
    ends: tf.Tensor  # int32 (B, 1), the most tokens of a row
    end: int | tf.Tensor  # token; -1 is none
    alpha: tf.Tensor  # float32 (B or 1, 1)
    min_length: tf.Tensor  # int32 (B or 1, 1)
    no_repeat_ngram: int
    forbidden: tf.Tensor | None  # bool (V,)

    def normalised(self, totals, lengths):
        """(2)."""
        return totals / tf.pow((5.0 + tf.cast(lengths, tf.float32)) / 6.0, self.alpha)


def beam_search(
    step,
    states,
    first,
    *,
    width: int,
    length,
    end=None,
    alpha=0.0,
    nbest: int | None = None,
    min_length=0,
    no_repeat_ngram: int = 0,
    forbidden=None,
    longest: int | None = None,
) -> Beams:
    """The likeliest sequences that a step function can write.

    A sequence ends with its first `end`, or with its `length`-th token. Of n tokens, the end
    counted, it has

        ln P  = Σ_{t≤n} ln softmax(logits_t)[y_t]                                        (1)
        score = ln P / ((5 + n) / 6)^α                                                   (2)

    K sequences are alive. Each step ranks all their continuations by ln P. Of the first K, those
    that end go to the found ones if their score (2) is among the N best; the K first that do not
    end live on. A row has its answer when ln P / ((5 + L) / 6)^α of the likeliest live one, which
    no continuation of it can pass, is below the N-th found; the loop ends with the last row.
    Width 1 and α 0 is greedy. A row's answer does not depend on the other rows.

    What may not be written (`forbidden`, too early an end, a repeated n-gram) is left out of the
    ranking; it changes no score, so that each is what teacher forcing gives the sequence.

    The states of K beams are those of B·K rows: row b's are b·K … b·K+K-1. What does not change,
    such as the features of an image, need not travel with the states: let `step` close over it, as
    `tf.repeat(features, width, axis=0)`.

    Args:
        step: (tokens int32 (B·K,), states) -> (logits (B·K, V), states), the states of the same
            structure, shapes and types; for K = 1 what `generate` takes.
        states: what `step` takes before `first`, a nest of tensors (B, …).
        first: int32 (B,), the token that each row reads first. It is no part of the answer.
        width: K, at least 1, an int; without XLA also an integer scalar tensor.
        length: integer scalar or (B,): the most tokens, the end counted. In a graph, less than 0
            counts as 0; a row of 0 has one sequence, the empty one.
        end: the token that ends a sequence, or None.
        alpha: α, scalar or (B,), 0 or more; 0 compares ln P itself, which prefers the short.
        nbest: N, from 1 to K; K unless given.
        min_length: scalar or (B,): the fewest tokens before `end`.
        no_repeat_ngram: no sequence holds the same so many tokens in a row twice; 0 is off.
        forbidden: bool (V,), True for tokens that are never written, or None.
        longest: L, at least `length`; the largest `length` unless given. XLA needs one of them as
            an int. Beyond it nothing is written.
    Raises:
        ValueError: for other axes, or for an option out of range that is not a tensor.
    Source: Wu et al. 2016, arXiv:1609.08144, section 7, eq. 14, without coverage penalty and
        pruning; the set of found ones is that of tensor2tensor's beam_search.
    """
    first = tf.cast(first, tf.int32)
    check_axes("first", first.shape, "B", "give one token to each row")
    nbest = _checked(width, nbest, length, alpha, min_length, no_repeat_ngram)
    rows = _size(first, 0)
    length, longest = _lengths(length, longest, rows)
    search = _Search(
        width,
        length[:, None],
        -1 if end is None else end,
        tf.reshape(tf.cast(alpha, tf.float32), [-1, 1]),
        tf.reshape(tf.cast(min_length, tf.int32), [-1, 1]),
        no_repeat_ngram,
        None if forbidden is None else tf.cast(forbidden, tf.bool),
    )
    live, found = _begin(search, first, rows, nbest, longest)
    states = tf.nest.map_structure(lambda state: tf.repeat(state, width, axis=0), states)

    def unfinished(t, live, states, found):
        bound = search.normalised(tf.reduce_max(live.totals, axis=1, keepdims=True), search.ends)
        return tf.reduce_any(bound > found.scores[:, -1:])

    def body(t, live, states, found):
        logits, after = step(tf.reshape(live.last, [-1]), states)
        totals = _continued(search, t, live, logits)
        live, found, parents = _sorted_out(search, t, live, found, totals)
        from_rows = tf.reshape(parents + width * tf.range(rows)[:, None], [-1])
        states = tf.nest.map_structure(
            lambda new, old: tf.ensure_shape(tf.gather(new, from_rows), old.shape), after, states
        )
        return t + 1, live, states, found

    found = tf.while_loop(unfinished, body, [0, live, states, found])[-1]
    return _answer(found)


def _checked(width, nbest, length, alpha, min_length, no_repeat_ngram):
    """N, after the options that are not tensors were found in range."""
    limits = (("width", width, 1), ("length", length, 0), ("alpha", alpha, 0))
    limits += (("min_length", min_length, 0), ("no_repeat_ngram", no_repeat_ngram, 0))
    for name, value, low in limits:
        if not tf.is_tensor(value) and not np.all(np.asarray(value) >= low):
            raise ValueError(f"`{name}` must be at least {low}, got {value}.")
    nbest = width if nbest is None else nbest
    if not (tf.is_tensor(nbest) or tf.is_tensor(width) or 1 <= nbest <= width):
        raise ValueError(f"`nbest` must be from 1 to the width, {width}, got {nbest}.")
    return nbest


def _size(tensor, axis: int):
    """An axis' size, as an int where it is known."""
    return tensor.shape[axis] or tf.shape(tensor)[axis]


def _lengths(length, longest, rows):
    """The most tokens of each row, (B,), and L."""
    if longest is None and tf.is_tensor(length):
        longest = tf.maximum(tf.reduce_max(length), 0)
    elif longest is None:
        longest = int(np.max(length))
    length = tf.clip_by_value(tf.cast(length, tf.int32), 0, longest)
    return tf.broadcast_to(tf.reshape(length, [-1]), [rows]), longest


def _begin(search: _Search, first, rows, nbest, longest):
    """One live sequence in each row, the empty one; it is found already where no token may come."""
    at_start = tf.range(search.width)[None, :] == 0
    totals = tf.where(at_start & (search.ends > 0), 0.0, _NEVER)
    last = tf.repeat(first[:, None], search.width, axis=1)
    scores = tf.where((tf.range(nbest)[None, :] == 0) & (search.ends == 0), 0.0, _NEVER)
    empty = tf.zeros([rows, nbest, longest], tf.int32)
    live = _Live(totals, last, tf.zeros([rows, search.width, longest], tf.int32))
    return live, _Found(scores, tf.zeros([rows, nbest], tf.int32), empty)


def _continued(search: _Search, t, live: _Live, logits):
    """ln P of every continuation that may be written, (B, K, V); -inf for the others."""
    tokens = tf.range(logits.shape[-1])
    chances = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    chances = tf.reshape(chances, tf.concat([tf.shape(live.last), tf.shape(tokens)], 0))
    allowed = (live.totals > _NEVER)[:, :, None] & (chances > _NEVER)  # which NaN is not either
    allowed &= ~((t < search.min_length)[:, :, None] & (tokens == search.end))
    if search.forbidden is not None:
        allowed &= ~search.forbidden
    if search.no_repeat_ngram:
        allowed &= ~repeating(live.written, t, search.no_repeat_ngram, logits.shape[-1])
    return tf.where(allowed, live.totals[:, :, None] + chances, _NEVER)


def _sorted_out(search: _Search, t, live: _Live, found: _Found, totals):
    """The next live ones, the found ones with what ends now, and each live one's parent, (B, K)."""
    vocabulary = totals.shape[2]
    # at most K of the 2 K first end by `end`, so that K are left to live on
    candidates = search.width * min(2, vocabulary)
    totals = tf.reshape(totals, [tf.shape(totals)[0], search.width * vocabulary])
    totals, index = tf.math.top_k(totals, candidates)
    parents, tokens = index // vocabulary, index % vocabulary
    written = tf.gather(live.written, parents, batch_dims=1)
    now = tf.range(tf.shape(written)[2]) == t
    written = tf.where(now, tokens[:, :, None], written)

    ending = (tokens == search.end) | (t + 1 == search.ends)
    whole = ending & (tf.range(candidates) < search.width)
    scores = tf.where(whole, search.normalised(totals, t + 1), _NEVER)
    ended = _Found(scores, tf.fill(tf.shape(scores), t + 1), written)
    pool = (tf.concat(both, axis=1) for both in zip(found, ended, strict=True))
    found = _Found(*_best(*pool, like=found))

    totals = tf.where(ending, _NEVER, totals)
    *alive, parents = _best(totals, tokens, written, parents, like=(*live, live.last))
    return _Live(*alive), found, parents


def _best(scores, *values, like):
    """The best scores and the values beside them, in the static shapes of `like`, as a loop wants them."""
    scores, order = tf.math.top_k(scores, _size(like[0], 1))
    chosen = (tf.gather(each, order, batch_dims=1) for each in values)
    return [
        tf.ensure_shape(new, old.shape) for new, old in zip((scores, *chosen), like, strict=True)
    ]


def _answer(found: _Found) -> Beams:
    there = found.scores > _NEVER
    return Beams(
        tf.where(there[:, :, None], found.tokens, 0),
        tf.where(there, found.lengths, 0),
        tf.where(there, found.scores, tf.float32.min),
        tf.reduce_sum(tf.cast(there, tf.int32), axis=1),
    )
