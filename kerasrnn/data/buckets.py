"""Sequences of unlike lengths in batches of like ones, so that little of a batch is padding."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from kerasrnn.data.batching import Batches


def bucketed(
    lengths: Sequence[int],
    read: Callable,
    *,
    rows: int,
    buckets: int = 8,
    seed: int | None = None,
    most: int | None = None,
) -> Batches:
    """Batches of examples, each out of one bucket of neighbouring lengths.

    Args:
        lengths: of every example, (N,).
        read: (places int64 (B,), longest int64) -> a batch padded to `longest`, graph-safe. `longest` is the
            bucket's, so that there are only as many shapes as buckets; `read` hands the true lengths on to
            loss and metrics.
        rows: B, the most of a batch; a bucket's last batch may have fewer.
        buckets: how many; they begin and end where the least is padded in all.
        most: of a batch, rows times longest; long examples come in batches of fewer `rows`, see `rows_of`.
        seed: draws a new order of the examples in each bucket and of the batches in each pass; None keeps them
            in order of length.
    Raises:
        ValueError: if there are no examples.
    """
    lengths = np.asarray(lengths, np.int64)
    if not len(lengths):
        raise ValueError("`lengths` must hold at least one example, got none.")
    order = np.argsort(lengths, kind="stable")
    parts = np.split(order, bounds(lengths[order], buckets))
    table = [
        (begin, min(size, len(part) - begin), bucket)
        for bucket, part in enumerate(parts)
        for size in [int(rows_of(int(lengths[part].max()), rows, most))]
        for begin in range(0, len(part), size)
    ]
    table = tf.constant(table, tf.int64)
    starts = tf.constant(np.cumsum([0, *map(len, parts)])[:-1], tf.int64)
    sizes = tf.constant([len(part) for part in parts], tf.int64)
    longest = tf.constant([int(lengths[part].max()) for part in parts], tf.int64)
    by_length = tf.constant(order)
    count = table.shape[0]

    def at(turn, index):
        if seed is not None:
            index = _shuffled(index, count, [seed, turn])
        begin, held, bucket = tf.unstack(table[index])
        place = begin + tf.range(held)
        size = sizes[bucket]
        if seed is not None:
            place = _shuffled(place, size, [seed + 1, turn * len(parts) + bucket])
        return read(tf.gather(by_length, starts[bucket] + place), longest[bucket])

    return Batches(count, at)


def rows_of(longest, rows: int, most: int | None):
    """How many rows of `longest` a batch has, at least 1; an int or a tensor."""
    if most is None:
        return rows
    fits = most // longest
    return max(1, min(rows, fits)) if isinstance(fits, int) else tf.clip_by_value(fits, 1, rows)


def bounds(lengths: np.ndarray, buckets: int) -> list[int]:
    """Where all buckets but the first begin in sorted `lengths`, so that the least is padded in all.

    Buckets end only at the ends of 100 quantiles, which is near enough.
    """
    marks = np.unique(
        np.searchsorted(lengths, np.quantile(lengths, np.linspace(0, 1, 101)), "right")
    )
    marks = np.concatenate([[0], marks[marks > 0]])
    # cost[j]: of the examples before marks[j] in so many buckets; cut[k][j]: where the last of k begins
    cost, cut = np.where(np.arange(len(marks)) == 0, 0, np.inf), []
    for _ in range(min(buckets, len(marks) - 1)):
        wide = lengths[marks[1:] - 1] * (marks[1:, None] - marks[:-1]).T.clip(0)
        every = cost[:-1, None] + np.where(marks[:-1, None] < marks[1:], wide, np.inf)
        cut.append(np.concatenate([[0], every.argmin(axis=0)]))
        cost = np.concatenate([[np.inf], every.min(axis=0)])
    place, begins = len(marks) - 1, []
    for last in reversed(cut):
        place = last[place]
        begins.append(int(marks[place]))
    return sorted(begin for begin in begins if begin)


def _shuffled(place: tf.Tensor, count, key) -> tf.Tensor:
    """Where `place` of 0 … `count` - 1 lies in an order of its own for each `key`."""
    key = tf.cast(tf.stack([tf.cast(part, tf.int64) for part in key]), tf.uint32)
    last = tf.cast(count, place.dtype) - 1
    return tf.random.experimental.index_shuffle(place, key, max_index=last)
