"""The papers' tasks, each answered by a walk over its sequences in plain Python."""

import numpy as np
import pytest

from kerasrnn.data import tasks

COUNT = 3000


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_the_sum_of_adding_is_that_of_its_two_marked_numbers(rng):
    x, y = tasks.adding(rng, COUNT, 12)
    assert x.dtype == y.dtype == np.float32
    for sequence, (total,) in zip(x.tolist(), y.tolist(), strict=True):
        marked = [number for number, mark in sequence if mark == 1]
        assert len(marked) == 2
        assert sum(mark for _, mark in sequence) == 2
        assert total == pytest.approx(sum(marked), abs=1e-6)


def test_every_pair_of_places_is_marked_equally_often_and_guessing_costs_a_sixth(rng):
    x, y = tasks.adding(rng, 60_000, 5)
    pairs, counts = np.unique(x[..., 1], axis=0, return_counts=True)
    assert len(pairs) == 10
    assert np.all(np.abs(counts - 6000) < 400)
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, abs=0.005)


def test_early_adding_marks_its_ends_and_two_early_numbers(rng):
    x, lengths, y = tasks.early_adding(rng, COUNT, 40)
    assert x.shape == (COUNT, 44, 2)
    assert {*lengths.tolist()} == set(range(40, 45))
    firsts, seconds = set(), set()
    for sequence, length, (target,) in zip(x.tolist(), lengths, y.tolist(), strict=True):
        marks = [mark for _, mark in sequence]
        assert marks[length - 1] == -1
        assert not any(map(any, sequence[length:]))
        assert all(-1 <= number < 1 for number, _ in sequence)
        ones = [t for t, mark in enumerate(marks) if mark == 1]
        assert len(ones) == 2
        assert marks[0] == -1 or (ones[0] == 0 and sequence[0][0] == 0)
        firsts.add(ones[0])
        seconds.add(ones[1])
        total = sum(sequence[t][0] for t in ones)
        assert target == pytest.approx(0.5 + total / 4, abs=1e-6)
    assert max(firsts) <= 9
    assert max(seconds) == 18


def test_temporal_order_names_the_two_symbols_in_their_order(rng):
    tokens, lengths, classes = tasks.temporal_order(rng, COUNT)
    places = ([], [])
    for sequence, length, label in zip(tokens.tolist(), lengths, classes, strict=True):
        assert sequence[0] == 0
        assert sequence[length - 1 :] == [1] * (111 - length)
        assert all(symbol >= 2 for symbol in sequence[1 : length - 1])
        where = [t for t, symbol in enumerate(sequence) if symbol >= 6]
        assert label == 2 * (sequence[where[0]] - 6) + sequence[where[1]] - 6
        for seen, t in zip(places, where, strict=True):
            seen.append(t)
    assert {*places[0]} == set(range(10, 21))
    assert {*places[1]} == set(range(50, 61))
    assert {*lengths.tolist()} == set(range(100, 111))
    assert {*classes.tolist()} == {0, 1, 2, 3}


@pytest.mark.parametrize("steps", [10, 20, 50])
def test_fixed_order_names_the_two_symbols_in_their_order(rng, steps):
    tokens, classes = tasks.fixed_order(rng, COUNT, steps)
    for sequence, label in zip(tokens.tolist(), classes, strict=True):
        first, second = (t for t, symbol in enumerate(sequence) if symbol < 2)
        assert steps // 10 <= first <= 2 * (steps // 10)
        assert 4 * (steps // 10) <= second <= 5 * (steps // 10)
        assert label == 2 * sequence[first] + sequence[second]
    assert {*classes.tolist()} == {0, 1, 2, 3}
    assert tokens.max() == 5


def test_copy_memory_asks_for_the_first_ten_digits_at_the_end(rng):
    tokens, said = tasks.copy_memory(rng, COUNT, 5)
    for sequence, answer in zip(tokens.tolist(), said.tolist(), strict=True):
        digits = sequence[:10]
        assert set(digits) <= set(range(1, 9))
        assert sequence[10:] == [0] * 4 + [9] * 11
        assert answer == [0] * 15 + digits
