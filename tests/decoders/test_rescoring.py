"""n-best lists ranked anew: deck 003's sentences, with a model that knows which word follows."""

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


def test_a_bonus_for_words_makes_up_for_what_a_long_sentence_costs():
    short, long = Hypothesis("a b", -1.0), Hypothesis("a b c d", -1.0)
    model = {"a b": -2.0, "a b c d": -4.0}

    def best(bonus):
        return rescore([[short, long]], lambda s: map(model.get, s), word_bonus=bonus)[0][0]

    assert best(0.9).sentence == "a b"
    assert best(1.1) == long._replace(score=-1.0 - 4.0 + 4.4)
    assert best(1.0).sentence == "a b"  # as good: the first stays first
