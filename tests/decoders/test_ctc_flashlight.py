"""The search by flashlight-text and KenLM: against every labelling, and against the package's own search."""

import numpy as np
import pytest

from kerasrnn.baselines import kneser_ney, write_arpa
from kerasrnn.decoders.ctc_flashlight import FlashlightSearch
from kerasrnn.decoders.ctc_language import LN_10, LanguageSearch, Weights
from kerasrnn.decoders.spelling import Spelling
from kerasrnn.errors import UserError
from tests.oracles.every_alignment import every_labelling

pytest.importorskip("flashlight", reason="flashlight-text has no wheel for this Python")

ALPHABET = "ab "
MODEL = kneser_ney([["a", "b"], ["ab", "a"], ["b", "ab"], ["a", "ab", "b"]], 2)
LEXICON = ["ab", "ba", "a"]  # the model does not know "ba"
WEIGHTS = Weights(language=0.8, word=0.4)
LOGITS = np.random.default_rng(0).normal(scale=1.5, size=(3, 6, 4))
FRAMES = [6, 5, 0]
CLOSED = Spelling(ALPHABET, LEXICON, closed=True)


@pytest.fixture
def written(tmp_path):
    """A model → its ARPA file."""

    def write(model):
        write_arpa(model, tmp_path / "model.arpa")
        return tmp_path / "model.arpa"

    return write


def expected(logits) -> dict[str, tuple[float, float]]:
    """The score and ln p of every text, of all labellings that read so."""
    chances: dict[str, float] = {}
    for labelling, chance in every_labelling(logits, 3).items():
        words = "".join(ALPHABET[symbol] for symbol in labelling).split()
        if set(words) <= set(LEXICON):
            chances[" ".join(words)] = chances.get(" ".join(words), 0.0) + chance
    found = {}
    for text, chance in chances.items():
        words = text.split()
        worth = WEIGHTS.language * LN_10 * MODEL.score(words).sum() + WEIGHTS.word * len(words)
        found[text] = np.log(chance) + worth, np.log(chance)
    return found


def test_a_wide_beam_scores_every_text_as_written_one_by_one(written):
    search = FlashlightSearch(CLOSED, written(MODEL), WEIGHTS, width=5000)
    found = search(LOGITS, FRAMES, n_best=1000)
    for row, frames in enumerate(FRAMES):
        wanted = expected(LOGITS[row, :frames])
        ranked = sorted(wanted, key=lambda text: -wanted[text][0])
        assert [hypothesis.text for hypothesis in found[row]] == ranked
        for hypothesis in found[row]:
            score, ln_p = wanted[hypothesis.text]
            np.testing.assert_allclose(hypothesis.score, score, atol=1e-4)
            np.testing.assert_allclose(hypothesis.acoustic, ln_p, atol=1e-4)
            spelt = "".join(ALPHABET[symbol] for symbol in hypothesis.symbols)
            assert spelt == hypothesis.text


def test_it_hears_what_the_own_search_hears_of_words_said_clearly(written):
    alphabet, rng = "abcd ", np.random.default_rng(0)
    words = ["abab", "abbd", "acbc", "ad", "bb", "cb", "cca", "cdbb", "da", "dd"]
    said = [" ".join(rng.choice(words, 2)) for _ in range(24)]
    logits = rng.normal(scale=1.5, size=(24, 20, 6))
    for row, text in zip(logits, said, strict=True):
        row[1 : 2 * len(text) : 2, 5] += 6
        row[2 * len(text) :, 5] += 6
        row[range(0, 2 * len(text), 2), [alphabet.index(letter) for letter in text]] += 6
    model = kneser_ney([text.split() for text in said], 2)
    spelling, weights = Spelling(alphabet, words, closed=True), Weights(0.7, 1.0)
    searches = (
        LanguageSearch(spelling, model, weights, width=50),
        FlashlightSearch(spelling, written(model), weights, width=50),
    )
    own, theirs = ([best[0].text for best in one(logits, [20] * 24)] for one in searches)
    assert own == theirs
    assert len(set(own)) > 10


def test_without_a_language_model_words_and_sound_decide():
    (found,) = FlashlightSearch(CLOSED, None, Weights(word=50.0), width=500)(LOGITS[:1], [6])
    assert len(found[0].text.split()) == 3  # as many words as six frames hold: "a a a"


def test_what_it_cannot_do_is_refused(written):
    with pytest.raises(ValueError, match="`spelling` must be closed for flashlight"):
        FlashlightSearch(Spelling(ALPHABET, LEXICON))
    with pytest.raises(ValueError, match="`width` must be at least 1, got 0"):
        FlashlightSearch(CLOSED, width=0)
    with pytest.raises(UserError, match="the letters 'ab' have none"):
        FlashlightSearch(Spelling("ab", LEXICON, closed=True), None)
    long = kneser_ney([["a", "b"] * 5], 7)
    with pytest.raises(UserError, match="KenLM cannot hold the language model"):
        FlashlightSearch(CLOSED, written(long))


def test_kenlm_keeps_quiet(written, capfd):
    FlashlightSearch(CLOSED, written(MODEL))
    assert capfd.readouterr() == ("", "")
