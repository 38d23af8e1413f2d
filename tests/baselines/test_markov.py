"""The Markov chain: against counting by hand, and against the sum over all sequences."""

import itertools
import math

import numpy as np
import pytest

from kerasrnn.baselines import MarkovChain

SEQUENCES = [[0, 1, 0, 1, 2], [0, 1, 1], [2], []]


def test_a_first_order_chain_by_hand():
    chain = MarkovChain(1, 3).fit(SEQUENCES)
    # begins with 0 in 2 of 3; after 0 always 1; after 1: 0, 2, 1 once each
    assert chain.log_likelihood([0, 1, 0]) == pytest.approx(math.log(2 / 3 * 1 * 1 / 3))
    assert chain.log_likelihood([2]) == pytest.approx(math.log(1 / 3))
    assert chain.log_likelihood([0, 0]) == -math.inf
    assert chain.log_likelihood([]) == 0


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_every_step_has_its_share_of_the_counts(order, smoothing):
    generator = np.random.default_rng(order)
    sequences = [generator.integers(0, 3, size).tolist() for size in (40, 50, 30, 1)]
    chain = MarkovChain(order, 3, smoothing).fit(sequences)

    def share(x, history):
        after = [
            s[t]
            for s in sequences
            for t in range(len(s))
            if s[max(t - order, 0) : t] == history and (t >= order) == (len(history) == order)
        ]
        return (after.count(x) + smoothing) / (len(after) + 3 * smoothing)

    tested = sequences[0]
    expected = [share(x, tested[max(t - order, 0) : t]) for t, x in enumerate(tested)]
    assert chain.log_likelihood(tested) == pytest.approx(np.log(expected).sum())


def test_the_chances_of_all_sequences_of_a_length_sum_to_one():
    chain = MarkovChain(2, 3, smoothing=0.1).fit(SEQUENCES)
    chances = [math.exp(chain.log_likelihood(s)) for s in itertools.product(range(3), repeat=4)]
    assert math.fsum(chances) == pytest.approx(1)


def test_samples_come_as_often_as_the_chain_says():
    chain = MarkovChain(2, 2, smoothing=0.3).fit([[0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1]])
    draws = [tuple(chain.sample(3, seed)) for seed in range(3000)]
    for sequence in itertools.product(range(2), repeat=3):
        chance = math.exp(chain.log_likelihood(sequence))
        error = math.sqrt(chance * (1 - chance) / len(draws))
        assert abs(draws.count(sequence) / len(draws) - chance) < 4 * error


def test_a_sample_ends_where_the_chain_knows_no_future():
    assert MarkovChain(1, 3).fit([[0, 1, 2]]).sample(9).tolist() == [0, 1, 2]
    assert MarkovChain(1, 3).sample(9).tolist() == []
    assert len(MarkovChain(0, 3).fit([[0, 1, 2]]).sample(9)) == 9


def test_what_is_out_of_range_is_refused():
    for numbers in ((-1, 3), (1, 0), (1, 3, -0.1), (200, 3)):
        with pytest.raises(ValueError, match="must be"):
            MarkovChain(*numbers)
    for sequence in ([3], [-1], [[0]]):
        with pytest.raises(ValueError, match="symbols from 0 to 2"):
            MarkovChain(1, 3).fit([sequence])


@pytest.mark.parametrize(("order", "symbols"), [(18, 9), (0, 5), (1, 2)])
def test_a_sample_of_the_longest_memory_follows_what_was_counted(order, symbols):
    sequence = np.random.default_rng(0).integers(0, symbols, 60)
    chain = MarkovChain(order, symbols).fit([sequence])
    drawn = chain.sample(60)
    assert len(drawn) == 60
    assert np.isfinite(chain.log_likelihood(drawn))
    if order == 18:
        np.testing.assert_array_equal(drawn, sequence)
