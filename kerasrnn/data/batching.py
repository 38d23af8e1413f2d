"""Batches as a pure function of their number, so that a run can go on from any one of them.

Several processes that learn together take neighbouring rows of each batch: `Batches.part` deals them out. What
reads a batch leaves the others' rows aside by `mine`, as soon as it knows which rows there are.
"""

from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import tensorflow as tf

_PART = ContextVar("part", default=(0, 1))  # which process this is, from 0, and of how many


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

    def part(self, number: int, parts: int) -> "Batches":
        """The rows of every batch that fall to process `number`, from 0, of `parts`."""

        def at(turn, index):
            with _dealing(number, parts):
                return self.at(turn, index)

        return Batches(self.count, at)

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


@contextmanager
def _dealing(number: int, parts: int):
    token = _PART.set((number, parts))
    try:
        yield
    finally:
        _PART.reset(token)


def mine(rows: tf.Tensor) -> tf.Tensor:
    """Of `rows` (B, …), a batch's, those that this process reads, (B / parts, …); all where it is alone.

    The parts have as many rows each: what B lacks for that is to be filled up by `filled`.
    """
    number, parts = _PART.get()
    if parts == 1:
        return rows
    size = (rows.shape[0] or tf.shape(rows)[0]) // parts
    return rows[number * size : (number + 1) * size]


def whole(rows):
    """How many rows the batch has of which this process reads `rows`.

    What is drawn for each row is drawn for `whole` rows, and `mine` kept of it: so a row is drawn alike however
    many processes there are.
    """
    return rows * _PART.get()[1]


def filled(rows):
    """`rows`, and as many more as make all parts alike."""
    parts = _PART.get()[1]
    return -(-rows // parts) * parts


def dealt(total: int, size: int, turn, index, seed: int | None) -> tuple[tf.Tensor, tf.Tensor]:
    """The examples of batch `index` of a pass over `total`, `size` each.

    What the last batch of a pass lacks, it takes from the pass's beginning.

    Args:
        seed: draws a new order in each pass; None keeps the examples in order.
    Returns:
        int64 (B,), their places, of which `mine`; and float32 (B,), 0 for one that the pass has had already, if
        there is no seed, and 1 otherwise.
    """
    place = mine(index * size + tf.range(size, dtype=tf.int64))
    fresh = tf.cast(place < total, tf.float32)
    place %= total
    if seed is None:
        return place, fresh
    key = tf.cast(tf.stack([tf.constant(seed, tf.int64), turn]), tf.uint32)
    place = tf.random.experimental.index_shuffle(place, key, max_index=total - 1)
    return place, tf.ones_like(fresh)
