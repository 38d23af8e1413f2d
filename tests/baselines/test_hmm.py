"""The hidden Markov model's three problems, against every hidden path one by one."""

import itertools
import logging

import numpy as np
import pytest

from kerasrnn.baselines import HiddenMarkovModel

START = np.array([0.6, 0.3, 0.1])
TRANSITIONS = np.array([[0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.1, 0.1, 0.8]])
EMISSIONS = np.array([[0.5, 0.4, 0.1, 0.0], [0.1, 0.3, 0.2, 0.4], [0.25, 0.25, 0.25, 0.25]])
WEIGHTS = np.array([[0.5, 0.5], [0.3, 0.7], [0.9, 0.1]])
MEANS = np.array([[[0, 0], [2, 1]], [[5, 5], [4, 8]], [[-3, 2], [-4, -4]]], float)
VARIANCES = np.array([[[1, 2], [0.5, 1]], [[1, 1], [2, 0.5]], [[0.3, 0.4], [1, 3]]])
CHAIN = {"start": START, "transitions": TRANSITIONS}
MIXTURE = {"weights": WEIGHTS, "means": MEANS, "variances": VARIANCES}


def discrete():
    return HiddenMarkovModel(3, symbols=4).set(**CHAIN, emissions=EMISSIONS)


def gaussian():
    return HiddenMarkovModel(3, mixtures=2).set(**CHAIN, **MIXTURE)


def density(x):
    """p(x | h = i) of the Gaussian mixtures, (K,)."""
    apart = (x - MEANS) ** 2 / VARIANCES + np.log(2 * np.pi * VARIANCES)
    return (WEIGHTS * np.exp(-apart.sum(axis=2) / 2)).sum(axis=1)


def every_path(emitted):
    """{path: p(path, x)} from p(x_t | h_t = i), (T, K)."""
    chances = {}
    for path in itertools.product(range(3), repeat=len(emitted)):
        steps = [TRANSITIONS[i, j] for i, j in itertools.pairwise(path)]
        seen = [emitted[t][state] for t, state in enumerate(path)]
        chances[path] = START[path[0]] * np.prod(steps) * np.prod(seen)
    return chances


SYMBOLS = [3, 0, 2, 1, 3, 3]
VECTORS = np.array([[0.3, 0.1], [4.5, 6], [4, 5], [-3, 0], [1, 1]])
CASES = {
    "discrete": (discrete, SYMBOLS, [EMISSIONS[:, x] for x in SYMBOLS]),
    "gaussian": (gaussian, VECTORS, [density(x) for x in VECTORS]),
}


@pytest.mark.parametrize("case", CASES)
def test_evaluation_is_the_sum_and_decoding_the_largest_over_all_paths(case):
    make, sequence, emitted = CASES[case]
    model = make()
    chances = every_path(emitted)
    assert model.evaluate(sequence) == pytest.approx(np.log(sum(chances.values())), rel=1e-9)
    path, log_probability = model.decode(sequence)
    best = max(chances, key=chances.get)
    assert tuple(path) == best
    assert log_probability == pytest.approx(np.log(chances[best]), rel=1e-9)


def test_one_step_of_learning_is_the_expected_counts_over_all_paths():
    sequences = [[3, 0, 2, 1], [1, 1, 0], [2, 3, 3, 0, 1]]
    starts, moves, seen = np.zeros(3), np.zeros((3, 3)), np.zeros((3, 4))
    for sequence in sequences:
        chances = every_path([EMISSIONS[:, x] for x in sequence])
        total = sum(chances.values())
        for path, chance in chances.items():
            starts[path[0]] += chance / total
            for i, j in itertools.pairwise(path):
                moves[i, j] += chance / total
            for state, x in zip(path, sequence, strict=True):
                seen[state, x] += chance / total
    learnt = discrete().learn(sequences, iterations=1).parameters
    np.testing.assert_allclose(learnt["start"], starts / starts.sum(), atol=1e-9)
    np.testing.assert_allclose(
        learnt["transitions"], moves / moves.sum(1, keepdims=True), atol=1e-9
    )
    np.testing.assert_allclose(learnt["emissions"], seen / seen.sum(1, keepdims=True), atol=1e-9)


@pytest.mark.parametrize("make", [discrete, gaussian])
def test_learning_from_samples_makes_them_likelier_than_the_truth_does(make, caplog):
    truth = make()
    sequences = [truth.sample(80, seed)[0] for seed in range(8)]
    kind = {"symbols": 4} if truth.symbols else {"mixtures": 2}
    with caplog.at_level(logging.CRITICAL, "hmmlearn"):
        learnt = HiddenMarkovModel(3, seed=3, **kind).learn(sequences, iterations=50)
    assert sum(map(learnt.evaluate, sequences)) > sum(map(truth.evaluate, sequences))
    again = HiddenMarkovModel(3, **kind).set(**learnt.parameters)
    assert again.evaluate(sequences[0]) == pytest.approx(learnt.evaluate(sequences[0]))


def test_samples_pass_through_the_states_as_often_as_the_chain_says():
    observed, path = discrete().sample(20_000, seed=1)
    held, vectors = np.linalg.matrix_power(TRANSITIONS, 200)[0], np.bincount(path) / len(path)
    np.testing.assert_allclose(vectors, held, atol=0.02)
    np.testing.assert_allclose(
        np.bincount(observed[path == 1]) / sum(path == 1), EMISSIONS[1], atol=0.02
    )


def test_what_does_not_fit_is_refused():
    for kinds in ({}, {"symbols": 3, "mixtures": 2}):
        with pytest.raises(ValueError, match="either `symbols` or `mixtures`"):
            HiddenMarkovModel(2, **kinds)
    for sequence in ([4], [-1], [], [[0, 1]]):
        with pytest.raises(ValueError, match="symbols from 0 to 3"):
            discrete().evaluate(sequence)
    with pytest.raises(ValueError, match=r"start, transitions, emissions; got 'means'"):
        discrete().set(means=MEANS)


def test_a_state_that_is_never_left_keeps_its_moves():
    chain = HiddenMarkovModel(3, symbols=3).set(
        start=[1, 0, 0], transitions=[[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]], emissions=np.eye(3)
    )
    chain.learn([[0, 1, 2]])
    np.testing.assert_allclose(chain.parameters["transitions"][2], [0, 0, 1])
    assert chain.evaluate([0, 1, 2]) == pytest.approx(0, abs=1e-6)
