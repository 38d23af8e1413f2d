"""The weights of a search with a language model, found on utterances that nothing was trained on."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from kerasrnn.decoders.ctc_language import LanguageSearch, Weights

GRID = {
    "language": (0.0, 0.25, 0.5, 1.0, 1.5, 2.0),
    "word": (-1.0, 0.0, 1.0, 2.0, 4.0, 6.0),
    "unknown": (4.0, 0.0, -2.0, -4.0, -8.0),
}  # nats


def tuned(
    search: LanguageSearch,
    batches: Sequence[tuple],
    judge: Callable[[list[str]], float],
    grid: dict[str, Sequence[float]] = GRID,
) -> tuple[LanguageSearch, dict[Weights, float]]:
    """The search with the weights that make the fewest errors (coordinate search).

    Of all pairs of the first two weights' values the best begins, unless what the search has is better.
    Then one weight after the other takes the best value of its grid, the others staying, until none gets
    better by it. Of equals the one that came first stays.

    Args:
        search: as it begins.
        batches: (logits, frame_lengths) of the validation utterances, as the search takes them.
        judge: texts of all utterances in order -> error, such as the WER; less is better.
        grid: values to try, by the names of at least two of `Weights`.
    Returns:
        The search, and the error of all weights that were tried.
    """
    tried: dict[Weights, float] = {}

    def error(weights: Weights) -> float:
        if weights not in tried:
            chosen = search.weighed(weights)
            texts = [best[0].text for batch in batches for best in chosen(*batch)]
            tried[weights] = judge(texts)
        return tried[weights]

    first, second = list(grid)[:2]
    pairs = itertools.product(grid[first], grid[second])
    begun = (replace(search.weights, **{first: a, second: b}) for a, b in pairs)
    best, before = min((search.weights, *begun), key=error), None
    while best != before:
        before = best
        for name, values in grid.items():
            best = min((best, *(replace(best, **{name: value}) for value in values)), key=error)
    return search.weighed(best), tried
