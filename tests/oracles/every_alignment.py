"""CTC by listing every alignment, in plain Python and float64."""

import itertools
import math

import numpy as np


def collapsed(alignment, blank: int) -> tuple[int, ...]:
    """B of the paper: repeats dropped, then blanks."""
    return tuple(symbol for symbol, _ in itertools.groupby(alignment) if symbol != blank)


def every_labelling(logits, blank: int) -> dict[tuple[int, ...], float]:
    """p of every labelling that T frames of logits (T, K) can write."""
    logits = np.asarray(logits, np.float64)
    y = (
        np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))
        if len(logits)
        else logits
    )
    found: dict[tuple[int, ...], float] = {}
    for alignment in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        labelling = collapsed(alignment, blank)
        chance = math.prod(y[t, symbol] for t, symbol in enumerate(alignment))
        found[labelling] = found.get(labelling, 0.0) + chance
    return found


def loss(labels, logits, blank: int) -> float:
    """-ln p(labels | logits), ∞ where no alignment writes them."""
    chance = every_labelling(logits, blank).get(tuple(labels), 0.0)
    return -math.log(chance) if chance else math.inf


def best_alignment(labels, logits, blank: int) -> tuple[int, ...]:
    """The likeliest alignment of a labelling."""
    every = itertools.product(range(logits.shape[1]), repeat=len(logits))
    mine = [a for a in every if collapsed(a, blank) == tuple(labels)]
    return max(mine, key=lambda a: sum(logits[t, symbol] for t, symbol in enumerate(a)))
