"""Word and character error rates: against counts by hand."""

import numpy as np
import pytest

from kerasrnn.metrics.speech import (
    character_errors,
    confusions,
    judge_transcripts,
    rate_interval,
    word_errors,
)

SAID = ["the cat sat", "go", "", "one  two"]
# an insertion, a deletion, two insertions, a substitution
HEARD = ["the cat that sat", "", "uh huh", "one to"]


def test_rates_are_errors_of_the_corpus_over_its_words_and_letters():
    found = judge_transcripts(SAID, HEARD)
    assert found["wer"] == (1 + 1 + 2 + 1) / 6
    assert found["words"] == 6
    assert found["characters"] == 11 + 2 + 0 + 7
    assert found["cer"] == (5 + 2 + 6 + 1) / 20  # " that", "go", "uh huh", "w"
    assert found["wer_low"] <= found["wer"] <= found["wer_high"]


def test_errors_and_words_are_counted_for_each_utterance():
    errors, words = word_errors(SAID, HEARD)
    assert errors.tolist() == [1, 1, 2, 1]
    assert words.tolist() == [3, 1, 0, 2]
    errors, letters = character_errors(["ab", "abc"], ["ba", "axxc"])
    assert errors.tolist() == [2, 2]  # b, inserted and deleted; x for b and another x
    assert letters.tolist() == [2, 3]


def test_a_corpus_without_words_has_a_rate_of_0_or_1():
    silent = judge_transcripts(["", " "], ["", ""])
    assert (silent["wer"], silent["cer"], silent["words"], silent["wer_high"]) == (0, 0, 0, 0)
    heard = judge_transcripts(["", " "], ["a b", ""])
    assert (heard["wer"], heard["cer"], heard["wer_low"], heard["wer_high"]) == (1, 1, 1, 1)


def test_the_interval_is_that_of_utterances_drawn_again():
    rng = np.random.default_rng(0)
    errors = rng.binomial(1, 0.2, 400)
    low, high = rate_interval(errors, np.ones(400, int), draws=10_000)
    p = errors.mean()
    spread = 1.96 * np.sqrt(p * (1 - p) / 400)  # the rate of single words is binomial
    np.testing.assert_allclose([low, high], [p - spread, p + spread], atol=0.003)
    assert rate_interval(errors, np.ones(400, int), draws=10_000) == (low, high)


def test_samples_without_a_word_have_no_part_in_the_interval():
    assert rate_interval(np.array([1, 0]), np.array([1, 0])) == (1.0, 1.0)


def test_confusions_pair_what_was_said_with_what_was_heard():
    found = confusions(["kitten", "ab"], ["sittin", "abc"])
    assert found["k", "s"] == found["e", "i"] == found["", "c"] == 1
    assert (
        found["t", "t"],
        found["i", "i"],
        found["n", "n"],
        found["a", "a"],
        found["b", "b"],
    ) == (2, 1, 1, 1, 1)
    assert found.total() == 6 + 3


@pytest.mark.parametrize(("said", "heard"), [([], []), (["a"], ["a", "b"])])
def test_corpora_that_are_empty_or_differ_in_number_are_refused(said, heard):
    with pytest.raises(ValueError, match="must be as many, at least one each"):
        judge_transcripts(said, heard)
