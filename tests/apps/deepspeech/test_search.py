"""The language model's search in the app: what it mends, what it is kept with, what is refused."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.apps import deepspeech
from kerasrnn.apps.deepspeech import judge
from kerasrnn.apps.deepspeech.config import Options
from kerasrnn.apps.deepspeech.data import Assets
from kerasrnn.apps.deepspeech.decode import Listener, answer
from kerasrnn.apps.deepspeech.search import Language, answers, searcher
from kerasrnn.apps.deepspeech.utterances import Source, Utterances
from kerasrnn.baselines import kneser_ney, write_arpa
from kerasrnn.data.features import Statistics
from kerasrnn.decoders.ctc_language import Weights
from kerasrnn.errors import UserError
from kerasrnn.settings import replace

TEXTS = ["a cab", "a cab back", "back a cab", "a bag"]
TINY = replace(deepspeech.PRESETS["tiny"], hop=0.01, stride=2)
STATISTICS = Statistics(np.zeros(16, np.float32), np.ones(16, np.float32))
PLAIN = Assets(" abcgk", STATISTICS, Language.of(TEXTS, 3))


def spikes(text, second):
    """Logits (1, T', K): each letter in a frame of its own, blanks between; half as sure of `second`."""
    logits = np.zeros((1, 2 * len(text), 7), np.float32)
    for place, (first, other) in enumerate(zip(text, second, strict=True)):
        logits[0, 2 * place, PLAIN.alphabet.index(other)] = 7.0
        logits[0, 2 * place, PLAIN.alphabet.index(first)] = 8.0
        logits[0, 2 * place + 1, 6] = 8.0
    return logits


HEARD = spikes("a cag", "a cab")  # said: a cab


def heard(assets=PLAIN, logits=HEARD, **options):
    return answers(logits, np.full(1, logits.shape[1]), TINY, assets, Options(**options))[0]


def test_the_language_model_mends_the_spelling_and_tells_when_words_were_said():
    found = heard(lm="own", best=2)
    assert found["transcript"] == "a cab"
    assert found["alternatives"][0]["transcript"] == "a cag"
    assert found["confidence"] > found["alternatives"][0]["confidence"]
    spoken = [(word["word"], word["begin"], word["end"]) for word in found["words"]]
    assert spoken == [("a", 0.0, 0.02), ("cab", 0.08, 0.18)]
    assert heard(lm="own", lm_weight=(0.0,), word_bonus=(0.0,))["transcript"] == "a cag"


def test_no_more_texts_are_given_than_there_are_and_no_fewer_than_beams_hold():
    assert len(heard(lm="own", best=100)["alternatives"]) > 64  # beams unless told
    one_step = np.float32([[[0, 0, 2, 0, 0, 0, 1]]])
    listener = Listener(deepspeech.build(TINY, PLAIN), TINY, PLAIN)
    found = listener.written(tf.constant(one_step), tf.constant([1]), beams=1, best=9)
    told = answer({name: value.numpy()[0] for name, value in found.items()})
    assert told["transcript"] == "b"
    texts = [one["transcript"] for one in told["alternatives"]]
    assert sorted(texts) == ["", " ", "a", "c", "g", "k"]  # another letter, or none


def test_an_arpa_file_a_lexicon_and_hot_words_can_be_given(tmp_path, capsys):
    write_arpa(kneser_ney([["a", "cab"]] * 3, 2), tmp_path / "mine.arpa")
    assert heard(lm=str(tmp_path / "mine.arpa"), lm_weight=(1.0,))["transcript"] == "a cab"
    (tmp_path / "words.txt").write_text("cab\n\na\nstrange\n")
    assert heard(lexicon=str(tmp_path / "words.txt"))["transcript"] == "a cab"
    assert "1 words of" in capsys.readouterr().err  # strange has letters that the model has not
    assert heard(hot=("cab",))["transcript"] == "a cab"
    assert heard(hot=("cab",), hot_bonus=0.0)["transcript"] == "a cag"


@pytest.mark.parametrize("weights", ["{}", '{"language": "x"}', '{"language": NaN}', None])
def test_a_damaged_language_model_is_no_missing_one(tmp_path, weights):
    PLAIN.save(tmp_path)
    if weights:
        (tmp_path / "weights.json").write_text(weights)
    if weights in (None, "{}"):
        (tmp_path / "language.arpa").unlink()
    with pytest.raises(ValueError, match=r"language\.arpa must be beside|could not convert"):
        Assets.load(tmp_path)


@pytest.mark.skipif(
    find_spec("flashlight") is None, reason="flashlight-text has no wheel for this Python"
)
def test_flashlight_can_be_the_engine_where_the_words_are_known(tmp_path):
    (tmp_path / "words.txt").write_text("cab\na\n")
    for known in ({"lm": "own"}, {"lexicon": str(tmp_path / "words.txt")}):
        theirs, ours = heard(engine="flashlight", **known), heard(**known)
        assert theirs["transcript"] == "a cab"
        assert theirs["words"] == ours["words"]


def test_without_flashlight_its_engine_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "flashlight", None)
    searcher.cache_clear()
    with pytest.raises(UserError, match=r"pip install 'kerasrnn\[flashlight\]'"):
        heard(lm="own", engine="flashlight")


def test_the_model_is_kept_as_text_with_its_weights(tmp_path):
    PLAIN.save(tmp_path)
    assert (tmp_path / "language.arpa").read_text().startswith("\\data\\")
    again = Assets.load(tmp_path)
    assert again.language.weights == Weights()
    words = ["a", "cab", "gag"]
    np.testing.assert_allclose(
        again.language.model.score(words), PLAIN.language.model.score(words), rtol=1e-6
    )
    assert heard(again, lm="own") == heard(lm="own")
    for name in ("language.arpa", "weights.json"):
        (tmp_path / name).unlink()
    assert Assets.load(tmp_path).language is None
    assert Language.of(TEXTS, 0) is None


def test_weights_are_chosen_on_validation_and_recordings_judged_with_them(tmp_path, monkeypatch):
    class Deaf:
        """Hears the spikes, whatever sounds."""

        def __init__(self, *_):
            pass

        def heard(self, audio, lengths):
            return tf.constant(HEARD), tf.constant([HEARD.shape[1]])

        def writer(self, beams):
            return lambda logits, steps: tf.constant(["a cag"])

    class Sounds(list):
        lengths = np.array([800])

    said = Utterances(["one"], ["a cag"], lambda: Sounds([np.zeros(800, np.float32)]))
    monkeypatch.setattr(judge, "Listener", Deaf)
    source = Source("spikes", {"train": Utterances(["two"], TEXTS[:1], list), "valid": said})
    PLAIN.save(tmp_path)
    judge.settle(None, TINY, PLAIN, Source("spikes", {"train": said, "valid": said}), tmp_path)
    assert Assets.load(tmp_path).language.weights == Weights()  # its own texts would choose badly
    before = judge.judge(None, TINY, PLAIN, source, "valid")()[1]
    judge.settle(None, TINY, PLAIN, source, tmp_path)
    after = judge.judge(None, TINY, Assets.load(tmp_path), source, "valid")()[1]
    assert (before["wer"], before["wer_greedy"]) == (0.5, 0.0)  # here the model is wrong
    assert (after["wer"], after["cer_greedy"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"\x80\x02pickled", {"lm": "FILE"}, "an ARPA file must be UTF-8"),
        (b"", {"lm": "FILE"}, "is cut short"),
        (None, {"lm": "FILE"}, "Cannot read"),
        (None, {"lexicon": "FILE"}, "Cannot read the lexicon"),
        (b"a\na cab\n", {"lexicon": "FILE"}, "line 2: a lexicon must hold one word a line"),
        (b"\n\n", {"lexicon": "FILE"}, "A lexicon must hold a word at least"),
        (b"a" * 201, {"lexicon": "FILE"}, "line 1: a word must have at most 200 letters, got 201"),
        (None, {"lexicon": "/dev/zero"}, "not a regular file"),
        (b"XYZ\n", {"lexicon": "FILE"}, "None of the 1 words of the lexicon can be written"),
        (b"", {"hot": ("zoo",)}, "Hot words must be written with the letters ' abcgk', got zoo"),
    ],
)
def test_what_cannot_be_searched_with_is_refused_in_a_sentence(tmp_path, content, options, said):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    options = {name: str(tmp_path / "file") if v == "FILE" else v for name, v in options.items()}
    with pytest.raises(UserError, match=said):
        heard(**options)


def test_a_run_without_a_model_and_a_model_in_capitals_are_refused(tmp_path):
    with pytest.raises(UserError, match="has no language model of its own"):
        heard(Assets(" abcgk", STATISTICS), lm="own")
    write_arpa(kneser_ney([["A", "CAB"]], 2), tmp_path / "loud.arpa")
    with pytest.raises(UserError, match=r"None of the 2 words of .*loud\.arpa can be written"):
        heard(lm=str(tmp_path / "loud.arpa"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lm_weight": (1.0, 2.0)}, "`lm_weight` must be one number"),
        ({"lm_weight": (-1.0,)}, "`lm_weight` must be from 0 to 1,000, got -1"),
        ({"word_bonus": (1e300,)}, "`word_bonus` must be from -1,000 to 1,000, got 1e"),
        ({"hot_bonus": 1e308}, "`hot_bonus` must be from -1,000 to 1,000"),
        ({"best": 100_000_000}, "`best` must be from 1 to 1,000, got 100,000,000"),
        ({"beam": -1}, "`beam` must be from 0 to 1,000, got -1"),
        ({"engine": "kenlm"}, "`engine` must be one of kerasrnn, flashlight"),
        ({"engine": "flashlight"}, "`engine` flashlight needs `lm` or `lexicon`"),
        ({"engine": "flashlight", "lm": "own", "hot": ("cab",)}, "and has no hot words"),
    ],
)
def test_numbers_out_of_range_are_no_options(options, said):
    with pytest.raises(ValueError, match=said):
        Options(**options)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": 10**11}, "`rate` must be from 100 to 768,000"),
        ({"window": 1e9}, "`window` must be from 0 to 1, got 1e"),
        ({"bands": 10**6}, "`bands` must be from 1 to 1,000, got 1,000,000"),
        ({"beams": 1001}, "`beams` must be from 1 to 1,000, got 1,001"),
    ],
)
def test_numbers_out_of_range_are_no_configuration(changes, said):
    with pytest.raises(UserError, match=said):
        replace(TINY, **changes)
