"""Every sequence that a chain can write, in plain Python and float64: what a beam search looks for."""

import itertools

import numpy as np


def log_probability(chain, first: int, tokens) -> float:
    """Σ ln P(y_t | first, y_1 … y_{t-1}); `chain`: tokens read so far -> logits (V,)."""
    total, read = 0.0, [first]
    for token in tokens:
        logits = np.asarray(chain(read), np.float64)
        total += logits[token] - np.logaddexp.reduce(logits)
        read.append(token)
    return total


def normalised(total: float, n: int, alpha: float) -> float:
    return total / ((5 + n) / 6) ** alpha


def repeats(tokens, n: int) -> bool:
    """Whether some n tokens in a row are there twice."""
    grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    return n > 0 and len(set(grams)) < len(grams)


def every_sequence(
    chain, first, vocabulary, length, end, alpha=0.0, min_length=0, no_repeat_ngram=0, forbidden=()
) -> list[tuple[float, list[int]]]:
    """(score, tokens) of all that may be written, best first."""
    found = []
    for n in range(1, length + 1) if length else [0]:
        for tokens in itertools.product(range(vocabulary), repeat=n):
            ended = n > 0 and tokens[-1] == end
            if end in tokens[:-1] or not (ended or n == length) or set(tokens) & set(forbidden):
                continue
            if (ended and n - 1 < min_length) or repeats(tokens, no_repeat_ngram):
                continue
            total = log_probability(chain, first, tokens)
            if total > -np.inf:
                found.append((normalised(total, n, alpha), list(tokens)))
    return sorted(found, key=lambda one: -one[0])
