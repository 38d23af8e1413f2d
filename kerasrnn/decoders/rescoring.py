"""Hypotheses of a recogniser, ranked anew with a language model (deck 003, "RNN vs n-gram language models")."""

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Hypothesis(NamedTuple):
    """One of the n best sentences of a recogniser.

    Attributes:
        sentence: the words.
        score: what the recogniser gives it, in nats; the larger the better.
    """

    sentence: str
    score: float


def rescore(
    lists: Sequence[Sequence[Hypothesis]],
    language: Callable[[list[str]], Sequence[float]],
    *,
    weight: float = 1.0,
    word_bonus: float = 0.0,
) -> list[list[Hypothesis]]:
    """Rank each list of hypotheses by

        score(s) + weight · ln P(s) + word_bonus · words(s)

    Args:
        lists: n-best lists, of any lengths.
        language: sentences → ln P of each, asked once for all lists.
        weight: of the language model beside the recogniser.
        word_bonus: for each word, since ln P alone prefers short sentences.
    Returns:
        The lists with the new scores, best first; of equal ones the first stays first.
    """
    chances = iter(language([one.sentence for hypotheses in lists for one in hypotheses]))
    return [
        sorted(
            [
                one._replace(
                    score=one.score
                    + weight * float(next(chances))
                    + word_bonus * len(one.sentence.split())
                )
                for one in hypotheses
            ],
            key=lambda one: -one.score,
        )
        for hypotheses in lists
    ]
