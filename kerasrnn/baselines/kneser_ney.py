"""Interpolated Kneser–Ney smoothing: from sentences to an n-gram model."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kerasrnn.baselines.ngram import BEGIN, END, UNKNOWN, NGramModel

NEVER = -99.0  # log10 of the probability of "<s>", as ARPA files say 0


def kneser_ney(
    sentences: Sequence[Sequence[str]],
    order: int = 5,
    *,
    vocabulary: Sequence[str] | None = None,
    modified: bool = True,
) -> NGramModel:
    """Estimate an n-gram model that interpolates each length with the next shorter one.

        p(w | h) = (a(h w) - D(a(h w))) / a(h ·) + γ(h) p(w | h')                             (1)
        γ(h)     = Σ_w D(a(h w)) / a(h ·)          h' is h without its first word             (2)
        a(g)     = how often g occurs,              where g has n words or begins with <s>
                 = how many different words precede g, otherwise                              (3)
        D(a)     = 0 for a = 0, D_1, D_2 or D_3 for a = 1, 2, ≥ 3; one set for each length    (4)

    (1) ends with p(w) = … + γ() / V, the uniform distribution over all words but "<s>". The back-off form needs
    only the n-grams that occur: γ(h) is the weight of each h.

    Args:
        sentences: words each, without "<s>" and "</s>", which are put around them.
        order: n, words of the longest n-gram.
        vocabulary: the words that are told apart, others are read as "<unk>"; None takes all that occur.
        modified: three discounts a length (modified Kneser–Ney), or one.
    Raises:
        ValueError: if `order` is below 1 or there is no sentence.
    Source: Kneser & Ney 1995; Chen & Goodman 1999, section 4.1.6 and equations 26 for `modified`.
    """
    if order < 1 or not len(sentences):
        raise ValueError(
            f"`order` must be at least 1, got {order}, of at least one sentence, got {len(sentences)}."
        )
    known = vocabulary or sorted({word for sentence in sentences for word in sentence})
    words = list(dict.fromkeys([UNKNOWN, BEGIN, END, *known]))
    levels = _count(sentences, words, order)
    lower = np.full(len(words), 1 / (len(words) - 1))  # uniform
    grams, log10, backoff = [np.zeros((1, 0), np.int64)], [], []
    for level in levels:
        removed = _discounts(level.counts, modified)[np.minimum(level.counts, 3)]
        totals = np.bincount(level.parents, level.counts, len(grams[-1]))
        freed = np.bincount(level.parents, removed, len(grams[-1]))
        weights = np.divide(freed, totals, out=np.ones(len(totals)), where=totals > 0)  # (2)
        kept = (level.counts - removed) / np.maximum(totals, 1)[level.parents]
        lower = kept + weights[level.parents] * lower[level.suffixes]  # (1)
        grams.append(np.column_stack([grams[-1][level.parents], level.words]))
        log10.append(np.log10(lower))
        backoff.append(np.log10(weights))
    log10[0][words.index(BEGIN)] = NEVER
    return NGramModel(words, grams[1:], log10, backoff[1:])


class _Level(NamedTuple):
    """The n-grams of one length, (N,) each."""

    parents: np.ndarray  # their numbers without the last word, among those of the length below
    words: np.ndarray  # their last words
    suffixes: np.ndarray  # their numbers without the first word
    counts: np.ndarray  # (3)


def _count(sentences, words: list[str], order: int) -> list[_Level]:
    """Every n-gram of the lengths 1 … n that occurs, and all words; those of a length in order of number."""
    numbers = {word: number for number, word in enumerate(words)}
    begin, end, unknown = (numbers.pop(mark) for mark in (BEGIN, END, UNKNOWN))
    rows = [[begin, *(numbers.get(w, unknown) for w in sentence), end] for sentence in sentences]
    stream = np.array([number for row in rows for number in row], np.int64)
    last = np.repeat(np.cumsum([len(row) for row in rows]) - 1, [len(row) for row in rows])
    size, every = len(words), np.arange(len(words))
    occurring = np.bincount(stream, minlength=size) * (every != begin)
    levels = [_Level(np.zeros(size, np.int64), every, every, occurring)]
    # which n-grams of the last level begin with "<s>", of which nothing is left
    opens = np.zeros(size, bool)
    gram = stream  # the number of the n-gram that begins at each place
    for length in range(2, order + 1):
        (places,) = np.nonzero(np.arange(len(stream)) + length - 1 <= last)
        keys = gram[places] * size + stream[places + length - 1]
        keys, first, which, counts = np.unique(
            keys, return_index=True, return_inverse=True, return_counts=True
        )
        first = places[first]
        parents, word = np.divmod(keys, size)
        suffixes = gram[first + 1]
        before = np.bincount(suffixes, minlength=len(levels[-1].counts))  # different words
        levels[-1] = levels[-1]._replace(counts=np.where(opens, levels[-1].counts, before))
        levels.append(_Level(parents, word, suffixes, counts))
        opens = stream[first] == begin
        gram = np.full(len(stream), -1)
        gram[places] = which
    return levels


def _discounts(counts: np.ndarray, modified: bool) -> np.ndarray:
    """(4): what is taken from counts of 0, 1, 2, and 3 or more.

    With n_i the n-grams of count i, Y = n_1 / (n_1 + 2 n_2): D_i = i - (i + 1) Y n_{i+1} / n_i, or Y for
    all. Texts too small or too odd for that (some n_i is 0, some D_i not in (0, i)) get Y, or 0.5.
    """
    n = [int(np.sum(counts == i)) for i in range(5)]
    if not n[1] or not n[2]:
        return np.array([0, 0.5, 0.5, 0.5])
    y = n[1] / (n[1] + 2 * n[2])
    if modified and n[3]:
        three = [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]
        if all(0 < d < i for i, d in enumerate(three, 1)):
            return np.array([0, *three])
    return np.array([0, y, y, y])
