"""Kneser–Ney: against a tiny example by hand and the definition in dictionaries."""

import itertools
import math

import numpy as np
import pytest

from kerasrnn.baselines import kneser_ney
from tests.oracles.kneser_ney import KneserNey


@pytest.fixture(scope="module")
def sentences():
    """300 sentences of 7 words, some far likelier than others, so that counts of 1 to 4 are all there."""
    generator = np.random.default_rng(0)
    chances = np.array([8, 5, 3, 2, 1, 1, 1]) / 21
    lengths = generator.integers(0, 9, 300)
    return [generator.choice(list("abcdefg"), size, p=chances).tolist() for size in lengths]


def probability(model, word, history):
    states = np.array([model.start if history[:1] == ("<s>",) else 0])
    for before in model.encode(history[1:] if history[:1] == ("<s>",) else history):
        _, states = model.step(states, np.array([before]))
    return 10 ** model.step(states, model.encode([word]))[0][0]


def test_two_sentences_by_hand():
    model = kneser_ney([["a", "b"], ["a"]], order=2, modified=False)
    by_hand = {
        ("a", ()): 0.21875,  # (1 - 0.5)/4 + 3·0.5/4 · 1/4: three words with a discount of 1/2
        ("</s>", ()): 0.46875,
        ("<unk>", ()): 0.09375,
        ("a", ("<s>",)): 0.765625,  # (2 - 0.6)/2 + 0.6/2 · 0.21875
        ("b", ("a",)): 0.33125,  # (1 - 0.6)/2 + 2·0.6/2 · 0.21875
        ("</s>", ("a",)): 0.48125,
        ("</s>", ("b",)): 0.68125,
        ("a", ("b",)): 0.13125,  # never seen: 0.6/1 · 0.21875
        ("a", ("</s>",)): 0.21875,  # nothing is known after </s>
    }
    for (word, history), expected in by_hand.items():
        assert probability(model, word, history) == pytest.approx(expected, rel=1e-12), (
            word,
            history,
        )
    expected = np.log10([0.765625, 0.33125, 0.68125])
    np.testing.assert_allclose(model.score(["a", "b"]), expected, rtol=1e-12)


@pytest.mark.parametrize(("order", "modified"), [(1, True), (2, True), (3, False), (4, True)])
def test_every_probability_is_that_of_the_definition(sentences, order, modified):
    vocabulary = [*"abcdefg", "<unk>", "</s>"]
    oracle = KneserNey(sentences, order, None, vocabulary)

    def discount(length, count):
        n = oracle.counts_of_counts(length)
        if not n[1] or not n[2]:
            return 0.5
        y = n[1] / (n[1] + 2 * n[2])
        if not modified or not n[3]:
            return y
        three = [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]
        return three[min(count, 3) - 1] if all(0 < three[i - 1] < i for i in (1, 2, 3)) else y

    oracle.discount = discount
    model = kneser_ney(sentences, order, modified=modified)
    histories = [(), ("<s>",), *itertools.product("abg", repeat=2), ("<s>", "a", "c", "b")]
    for history in [*histories, ("g", "g", "f", "g", "e"), ("a", "</s>")]:
        for word in vocabulary:
            expected = oracle.probability(word, history)
            assert probability(model, word, history) == pytest.approx(expected, rel=1e-10)


def test_the_probabilities_after_every_history_sum_to_one(sentences):
    model = kneser_ney(sentences, 4, vocabulary=list("abcx"))
    states = {0, model.start}
    for length in (1, 2, 3):
        for gram in model.listed(length)[0]:
            state = np.zeros(1, np.int64)
            for word in gram:
                _, state = model.step(state, np.array([word]))
            states.add(int(state[0]))
    assert len(states) > 50
    for state in states:
        assert math.fsum(model.distribution(state)) == pytest.approx(1, abs=1e-12)
        assert model.distribution(state)[model.numbers["<s>"]] == 0


def test_words_out_of_the_vocabulary_are_one_word(sentences):
    model = kneser_ney(sentences, 3, vocabulary=list("abcde"))
    renamed = [[w if w in "abcde" else "<unk>" for w in s] for s in sentences]
    expected = kneser_ney(renamed, 3, vocabulary=list("abcde")).score(["a", "<unk>", "c"])
    np.testing.assert_array_equal(model.score(["a", "never", "c"]), expected)
    np.testing.assert_array_equal(model.score(["a", "g", "c"]), expected)


def test_a_sentence_cannot_contain_its_own_marks(sentences):
    model = kneser_ney([*sentences, ["a", "<s>", "b"]], 2)
    assert model.distribution(0)[model.numbers["<s>"]] == 0
    assert model.distribution(0).sum() == pytest.approx(1)


def test_many_sentences_at_once_score_as_each_alone(sentences):
    model = kneser_ney(sentences[:200], 3)
    together = model.scores(sentences[200:])
    for sentence, scores in zip(sentences[200:], together, strict=True):
        np.testing.assert_array_equal(scores, model.score(sentence))
        assert len(scores) == len(sentence) + 1
    assert model.scores([]) == []


def test_no_order_and_no_sentence_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        kneser_ney([["a"]], 0)
    with pytest.raises(ValueError, match="at least one sentence"):
        kneser_ney([], 2)
