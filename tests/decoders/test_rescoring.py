"""n-best lists ranked anew: deck 003's sentences, with a model that knows which word follows."""

import math

import pytest

from kerasrnn.baselines import kneser_ney
from kerasrnn.decoders.rescoring import Hypothesis, rescore


def test_a_model_that_knows_better_turns_the_order_and_a_weight_of_0_keeps_it():
    unit = Hypothesis("trading yesterday the unit increased", -10.0)
    yen = Hypothesis("trading yesterday the yen increased", -10.5)
    asked = []

    def language(sentences):
        asked.append(sentences)
        return [-2.0 if "yen" in sentence else -4.0 for sentence in sentences]

    lists = [[unit, yen], [], [yen]]
    assert rescore(lists, language) == [
        [yen._replace(score=-12.5), unit._replace(score=-14.0)],
        [],
        [yen._replace(score=-12.5)],
    ]
    assert asked == [[unit.sentence, yen.sentence, yen.sentence]]
    assert rescore(lists, language, weight=0.0) == lists


def test_a_5_gram_and_another_model_rank_the_same_list_each_its_own_way_as_they_are_weighed():
    lines = ["trading yesterday the yen increased", "the yen fell", "the unit of trading"]
    model = kneser_ney([line.split() for line in lines], order=5)
    unit = Hypothesis("trading yesterday the unit increased", -10.0)
    yen = Hypothesis("trading yesterday the yen increased", -11.0)

    def other(sentences):  # a network that has not learned the sentence
        return [-7.0 for _ in sentences]

    words = [sentence.split() for sentence, _ in (unit, yen)]
    chances = [math.log(math.prod(10**log10 for log10 in model.score(said))) for said in words]
    assert chances[1] - chances[0] > 1
    (ranked,) = rescore([[unit, yen]], model.log_probabilities)
    assert [one.sentence for one in ranked] == [yen.sentence, unit.sentence]
    scores = [one.score for one in ranked]
    assert scores == pytest.approx([-11.0 + chances[1], -10.0 + chances[0]])
    weight = 0.5 / (chances[1] - chances[0])
    (ranked,) = rescore([[unit, yen]], model.log_probabilities, weight=weight)
    assert [one.sentence for one in ranked] == [unit.sentence, yen.sentence]
    (ranked,) = rescore([[unit, yen]], other)
    assert [one.sentence for one in ranked] == [unit.sentence, yen.sentence]
    assert model.log_probabilities([]).shape == (0,)


def test_a_bonus_for_words_makes_up_for_what_a_long_sentence_costs():
    short, long = Hypothesis("a b", -1.0), Hypothesis("a b c d", -1.0)
    model = {"a b": -2.0, "a b c d": -4.0}

    def best(bonus):
        return rescore([[short, long]], lambda s: map(model.get, s), word_bonus=bonus)[0][0]

    assert best(0.9).sentence == "a b"
    assert best(1.1) == long._replace(score=-1.0 - 4.0 + 4.4)
    assert best(1.0).sentence == "a b"  # as good: the first stays first
