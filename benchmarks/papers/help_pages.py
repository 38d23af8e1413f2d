"""Python's help pages as characters: the text of the rows whose papers read Penn Treebank."""

from pydoc_data import topics

import numpy as np

CHARACTERS = 128  # ASCII; what is not is 127


def pages() -> np.ndarray:
    """All pages in the order of their names, int32 (N,)."""
    text = "\n".join(topics.topics[name] for name in sorted(topics.topics))
    return np.array([min(ord(c), CHARACTERS - 1) for c in text], np.int32)


def windows(text: np.ndarray, rng: np.random.Generator, steps: int, *shape: int):
    """Windows of a text at random places, and the same one character later: (*shape, steps) each."""
    first = rng.integers(0, len(text) - steps, shape)
    found = text[first[..., None] + np.arange(steps + 1)]
    return found[..., :-1], found[..., 1:]
