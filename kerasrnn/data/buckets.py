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
) -> Batches:
    """Batches of examples, each out of one bucket of neighbouring lengths.

    Args:
        lengths: of every example, (N,).
        read: (places int64 (B,), longest int64) -> a batch padded to `longest`, graph-safe. `longest` is the
            bucket's, so that there are only as many shapes as buckets; `read` hands the true lengths on to
            loss and metrics.
        rows: B, the most of a batch; a bucket's last batch may have fewer.
        buckets: how many, of about equally many examples.
        seed: draws a new order of the examples in each bucket and of the batches in each pass; None keeps them
            in order of length.
    Raises:
        ValueError: if there are no examples.
    """
    lengths = np.asarray(lengths, np.int64)
    if not len(lengths):
        raise ValueError("`lengths` must hold at least one example, got none.")
    order = np.argsort(lengths, kind="stable")
    parts = [part for part in np.array_split(order, min(buckets, len(order))) if len(part)]
    table = [
        (begin, len(piece), bucket)
        for bucket, part in enumerate(parts)
        for begin in range(0, len(part), rows)
        for piece in [part[begin : begin + rows]]
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


def _shuffled(place: tf.Tensor, count, key) -> tf.Tensor:
    """Where `place` of 0 … `count` - 1 lies in an order of its own for each `key`."""
    key = tf.cast(tf.stack([tf.cast(part, tf.int64) for part in key]), tf.uint32)
    last = tf.cast(count, place.dtype) - 1
    return tf.random.experimental.index_shuffle(place, key, max_index=last)
