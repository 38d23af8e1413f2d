"""Batches as a pure function of their number, so that a run can go on from any one of them."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Batches:
    """The batches of one pass over the data, by number.

    Attributes:
        count: batches in one pass.
        at: (pass, index) -> one batch, both int64 scalars; graph-safe and without side effects. The pass
            number lets an app draw a new order or offset for each pass.
    """

    count: int
    at: Callable

    def one_pass(self) -> tf.data.Dataset:
        """Pass 0, in order: what a split is judged on."""
        dataset = tf.data.Dataset.range(self.count).map(
            lambda index: self.at(tf.zeros((), tf.int64), index), tf.data.AUTOTUNE
        )
        return dataset.prefetch(tf.data.AUTOTUNE)

    def endless(self, start: int = 0) -> tf.data.Dataset:
        """Pass after pass without end, from batch number `start` of all batches ever."""
        dataset = tf.data.Dataset.range(start, tf.int64.max).map(
            lambda number: self.at(number // self.count, number % self.count), tf.data.AUTOTUNE
        )
        return dataset.prefetch(tf.data.AUTOTUNE)


def dealt(total: int, size: int, turn, index, seed: int | None) -> tuple[tf.Tensor, tf.Tensor]:
    """The examples of batch `index` of a pass over `total`, `size` each.

    What the last batch of a pass lacks, it takes from the pass's beginning.

    Args:
        seed: draws a new order in each pass; None keeps the examples in order.
    Returns:
        int64 (B,), their places; and float32 (B,), 0 for one that the pass has had already, if there is no
        seed, and 1 otherwise.
    """
    place = index * size + tf.range(size, dtype=tf.int64)
    fresh = tf.cast(place < total, tf.float32)
    place %= total
    if seed is None:
        return place, fresh
    key = tf.cast(tf.stack([tf.constant(seed, tf.int64), turn]), tf.uint32)
    place = tf.random.experimental.index_shuffle(place, key, max_index=total - 1)
    return place, tf.ones_like(fresh)
