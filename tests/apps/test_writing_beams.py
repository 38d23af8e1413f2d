"""`--beam` of the language models: against what their own `score` says of every text."""

import itertools
import json

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.apps.char_lm.config import Options
from kerasrnn.apps.char_lm.decode import CharWriter
from kerasrnn.apps.word_lm.config import Options as WordOptions
from kerasrnn.apps.word_lm.decode import WordWriter
from kerasrnn.errors import UserError


@pytest.fixture(scope="module")
def chars(tiny):
    return tiny("char_lm").run


@pytest.fixture(scope="module")
def words(tiny):
    return tiny("word_lm").run


def test_the_likeliest_texts_are_those_that_score_best_of_all(chars):
    vocabulary = chars.assets.vocabulary
    every = ["".join(pair) for pair in itertools.product(vocabulary, repeat=2)]
    scores, _ = CharWriter(chars.model, chars.assets).score(tf.constant([f"t{e}" for e in every]))
    order = np.argsort(-scores.numpy())[:3]
    found = chars.predict(["t"], length=2, beam=len(vocabulary), best=3)[0]
    assert [one["text"] for one in found] == [every[at] for at in order]
    np.testing.assert_allclose([one["score"] for one in found], scores.numpy()[order], rtol=1e-5)


def test_a_beam_of_one_is_greedy_and_a_wider_one_is_no_less_likely(chars):
    prompts = ["j", "", "t"]
    greedy = chars.predict(prompts, length=12, greedy=True)
    assert chars.predict(prompts, length=12, beam=1) == greedy
    (found,) = chars.predict(["t"], length=12, beam=9, best=9)
    scores, _ = CharWriter(chars.model, chars.assets).score(tf.constant(["t" + greedy[2]]))
    assert found[0]["score"] >= scores[0] - 1e-4
    assert len({one["text"] for one in found}) == 9
    assert chars.predict(["t"], length=0, beam=9, best=9) == [[{"text": "", "score": 0.0}]]


def test_a_stop_of_one_token_ends_a_text_and_a_longer_one_is_refused(chars, words):
    (found,) = chars.predict(["the "], length=12, beam=9, best=9, stop=" ")
    ended = [one["text"] for one in found if len(one["text"]) < 12]
    assert ended
    assert all(text.index(" ") == len(text) - 1 for text in ended)
    with pytest.raises(UserError, match=r"`stop` must be one token .* got ' a', which is 2"):
        chars.predict(["the "], beam=2, stop=" a")
    (line,) = words.predict(["jumps;"], length=20, beam=4, stop="\n")
    assert line.count("\n") == 1
    assert line.endswith("\n")


def test_normalisation_prefers_the_longer_text(chars):
    lengths = [
        len(chars.predict(["the "], length=12, beam=9, best=9, stop=" ", alpha=alpha)[0][0]["text"])
        for alpha in (0.0, 3.0)
    ]
    assert lengths[0] < lengths[1]


def test_nothing_is_repeated_that_must_not_be(chars):
    (text,) = chars.predict(["the "], length=30, beam=4, no_repeat=2)
    assert len({text[i : i + 2] for i in range(29)}) == 29
    with pytest.raises(UserError, match="`no_repeat` must leave something to write, but with 1"):
        chars.predict(["the "], length=99, beam=2, no_repeat=1)


def forced(writer, tokens) -> np.ndarray:
    """ln P of each token after the first, by teacher forcing."""
    states, chances = writer.fresh(1), []
    for read, said in itertools.pairwise(tokens):
        logits, states = writer.step(tf.constant([read]), states)
        chances.append(tf.nn.log_softmax(logits)[0, said].numpy())
    return np.array(chances)


def test_words_never_hold_the_unknown_one_and_score_as_the_model_scores_them(words):
    writer = WordWriter(words.model, words.assets)
    tokens, lengths = writer.read(tf.constant(["the quick", ""]))
    beams = writer.search(tokens, lengths, 6, 0.0, width=5)
    assert beams.counts.numpy().tolist() == [5, 5]
    assert not (beams.tokens.numpy() == words.assets.vocabulary.index("<unk>")).any()
    for row, length in enumerate(lengths):
        for text, score in zip(beams.tokens[row].numpy(), beams.scores[row].numpy(), strict=True):
            chances = forced(writer, [*tokens[row, :length].numpy(), *text])
            assert score == pytest.approx(chances[-6:].sum(), abs=1e-5)


@pytest.mark.parametrize("app", ["char_lm", "word_lm"])
def test_the_export_finds_what_predict_finds(tiny, app):
    book = tiny(app)
    served = tf.saved_model.load(str(book.export)).signatures["beam"]
    prompts = book.sample.inputs
    answer = served(
        prompt=tf.constant(prompts),
        length=tf.constant([5, 9, 0]),
        width=tf.constant(4),
        alpha=tf.constant(0.7),
    )
    assert answer["count"].numpy().tolist() == [4, 4, 1]
    for row, length in enumerate([5, 9, 0]):
        (found,) = book.run.predict([prompts[row]], length=length, beam=4, best=4, alpha=0.7)
        count = len(found)
        texts = [text.decode() for text in answer["text"][row].numpy()]
        assert texts == [one["text"] for one in found] + [""] * (4 - count)
        scores = answer["score"][row, :count].numpy()
        np.testing.assert_allclose(scores, [one["score"] for one in found], rtol=1e-4, atol=1e-5)


def test_a_server_bounds_what_it_is_asked(tiny):
    served = tf.saved_model.load(str(tiny("char_lm").export)).signatures["beam"]
    alone = {"prompt": tf.constant(["t"]), "alpha": tf.constant(-1.0)}
    answer = served(length=tf.constant(2), width=tf.constant(10**6), **alone)
    assert answer["text"].shape == (1, 100)
    assert served(length=tf.constant(-5), width=tf.constant(-1), **alone)["text"].numpy() == b""


def test_the_command_prints_each_with_its_score(tiny, command):
    path = tiny("char_lm").path
    words = ("predict", path, "the ", "--length", 4, "--beam", 3, "--best=2")
    (one,) = command(*words, "--json").json["predictions"]
    lines = command(*words).out.rstrip("\n").split("\n")
    assert [line.split("\t")[1] for line in lines] == ["the " + a["text"] for a in one["answer"]]
    assert [float(line.split("\t")[0]) for line in lines] == pytest.approx(
        [a["score"] for a in one["answer"]], abs=1e-3
    )
    assert json.dumps(one)


def test_options_that_contradict_a_beam_are_refused():
    for options in (
        {"beam": 2, "greedy": True},
        {"beam": 2, "top_k": 3},
        {"beam": 2, "top_p": 0.5},
        {"beam": 2, "best": 3},
        {"best": 1},
        {"no_repeat": 2},
        {"beam": 101},
        {"beam": 100, "length": 1001},
        {"beam": 2, "alpha": -0.5},
    ):
        with pytest.raises(ValueError, match="must be"):
            Options(**options)
    with pytest.raises(ValueError, match="`beam` must be 0 with nbest"):
        WordOptions(beam=2, nbest=True)
