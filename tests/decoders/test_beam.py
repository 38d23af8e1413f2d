"""What `beam_search` finds: against the search of all sequences, and against the loop by hand."""

import numpy as np
import pytest

from kerasrnn.decoders import draws, generate
from tests.oracles.every_sequence import every_sequence, log_probability, normalised
from tests.oracles.token_chain import V, agree, begin, chain, search, step

CASES = [
    {"length": 4, "end": 0},
    {"length": 4, "end": 2, "alpha": 0.7},
    {"length": 4, "end": 1, "alpha": 2.0},
    {"length": 4, "end": 0, "alpha": 1.0, "min_length": 2},
    {"length": 3, "end": None},
    {"length": 5, "end": 0, "alpha": 0.6, "no_repeat_ngram": 2},
    {"length": 4, "end": 0, "no_repeat_ngram": 1},
    {"length": 4, "end": 2, "alpha": 1.0, "forbidden": (1,)},
    {"length": 1, "end": 0},
    {"length": 0, "end": 0},
]


@pytest.mark.parametrize("options", CASES, ids=str)
def test_a_beam_as_wide_as_there_are_sequences_finds_them_all_in_order(options):
    width = V ** max(options["length"], 1)
    forbidden = options.get("forbidden")
    mask = {} if forbidden is None else {"forbidden": [i in forbidden for i in range(V)]}
    got = search([0, 1, 2], width=width, **options | mask)
    for first in range(V):
        expected = every_sequence(chain, first, V, **options)
        assert 0 < len(expected) <= width
        agree(got[first], expected)


@pytest.mark.parametrize("alpha", [0.0, 0.8])
def test_the_n_best_are_those_of_the_search_without_an_early_end(alpha):
    expected = every_sequence(chain, 1, V, 6, 0, alpha)
    for nbest in (1, 4):
        got = search([1], width=V**6, nbest=nbest, length=6, end=0, alpha=alpha)
        agree(got[0], expected[:nbest])


def test_a_width_of_one_without_normalisation_is_greedy():
    first = np.int32(range(V))
    for end in range(V):
        got = search(first, width=1, length=9, end=end)
        tokens, lengths = generate(
            step,
            first[:, None],
            np.ones(V),
            begin(V),
            length=9,
            uniforms=draws([0] * V, 9),
            temperature=0,
            stop=[end],
        )
        rows = [row[:n].tolist() for row, n in zip(tokens.numpy(), lengths.numpy(), strict=True)]
        assert [row[0][1] for row in got] == rows


def by_hand(first, width, length, end, alpha):
    """The search as its docstring tells it, with lists, and without the early end."""
    live, found = [(0.0, [])], []
    for t in range(length):
        ranked = sorted(
            (
                (log_probability(chain, first, [*tokens, token]), [*tokens, token])
                for _, tokens in live
                for token in range(V)
            ),
            key=lambda one: -one[0],
        )
        live = []
        for rank, (total, tokens) in enumerate(ranked[: 2 * width]):
            if tokens[-1] == end or t + 1 == length:
                if rank < width:
                    found.append((normalised(total, t + 1, alpha), tokens))
            elif len(live) < width:
                live.append((total, tokens))
    return sorted(found, key=lambda one: -one[0])[:width]


@pytest.mark.parametrize(("width", "alpha"), [(2, 0.0), (2, 1.0), (3, 0.6), (4, 0.0), (5, 2.0)])
def test_a_narrow_beam_prunes_as_the_loop_by_hand_does(width, alpha):
    got = search(range(V), width=width, length=8, end=0, alpha=alpha)
    for first in range(V):
        agree(got[first], by_hand(first, width, 8, 0, alpha))


def test_each_score_is_what_teacher_forcing_gives_whatever_was_forbidden():
    options = {"min_length": 2, "no_repeat_ngram": 2, "forbidden": [False, True, False]}
    for first in range(V):
        row = search([first], width=4, length=7, end=0, alpha=0.9, **options)[0]
        assert row
        for score, tokens in row:
            expected = normalised(log_probability(chain, first, tokens), len(tokens), 0.9)
            assert score == pytest.approx(expected, abs=1e-5)
