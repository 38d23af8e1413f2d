"""Beam search with a language model: against every labelling, scored one by one."""

import numpy as np
import pytest

from kerasrnn.baselines import kneser_ney
from kerasrnn.decoders import spelling
from kerasrnn.decoders.ctc_beams import Beams
from kerasrnn.decoders.ctc_language import LanguageSearch, Weights
from kerasrnn.decoders.ctc_tuning import tuned
from kerasrnn.decoders.ctc_words import Hypothesis, timed
from kerasrnn.decoders.spelling import Spelling
from kerasrnn.errors import UserError
from tests.oracles.every_alignment import every_labelling

ALPHABET = "ab "
SENTENCES = [["a", "b"], ["ab", "a"], ["b", "ab"], ["a", "ab", "b"]]
MODEL = kneser_ney(SENTENCES, 2)
LETTERS = kneser_ney([["a", "b"], ["b"], ["a"]], 2)
WEIGHTS = Weights(language=0.8, word=0.4, unknown=-0.7, hot=1.5)
LOGITS = np.random.default_rng(0).normal(scale=1.5, size=(3, 6, 4))
FRAMES = [6, 5, 0]


def worth(words, hot=(), known=MODEL.words, letters=None):
    """What the score adds to ln p of the frames."""
    spelt = [letters.score(list(word)).sum() for word in words if letters and word not in known]
    language = (MODEL.score(words).sum() + sum(spelt)) * np.log(10) * WEIGHTS.language
    strange = sum(word not in known for word in words)
    bonus = len(words) * WEIGHTS.word + strange * WEIGHTS.unknown
    return language + bonus + WEIGHTS.hot * sum(word in hot for word in words)


def expected(logits, lexicon=None, **options) -> list[tuple[str, float, float]]:
    """text, score and ln p of every text that may be written, best first."""
    best = {}
    for labelling, chance in every_labelling(logits, 3).items():
        text = "".join(ALPHABET[symbol] for symbol in labelling)
        words = text.split()
        if text.startswith(" ") or "  " in text or not set(words) <= set(lexicon or words):
            continue
        score = np.log(chance) + worth(words, **options)
        best.setdefault(" ".join(words), []).append((score, np.log(chance)))
    rows = [(text, *max(found)) for text, found in best.items()]
    return sorted(rows, key=lambda row: -row[1])


def agree(found, wanted):
    assert [hypothesis.text for hypothesis in found] == [text for text, _, _ in wanted]
    np.testing.assert_allclose([h.score for h in found], [score for _, score, _ in wanted])
    np.testing.assert_allclose([h.acoustic for h in found], [ln_p for _, _, ln_p in wanted])


@pytest.mark.parametrize("hot", [(), ("ab",)])
@pytest.mark.parametrize("letters", [None, LETTERS])
def test_a_wide_beam_scores_every_text_as_written_one_by_one(hot, letters):
    options = {"letters": letters, "hot_words": hot, "width": 1100}
    search = LanguageSearch(Spelling(ALPHABET, MODEL.words), MODEL, WEIGHTS, **options)
    found = search(LOGITS, FRAMES, n_best=40)
    for row, frames in enumerate(FRAMES):
        wanted = expected(LOGITS[row, :frames], hot=hot, letters=letters)[:40]
        agree(found[row], wanted)
        for hypothesis in found[row]:
            spelt = "".join(ALPHABET[symbol] for symbol in hypothesis.symbols)
            assert " ".join(spelt.split()) == hypothesis.text


def test_a_closed_vocabulary_holds_only_its_words_whether_the_model_knows_them_or_not():
    lexicon = ["ab", "ba", "a"]
    search = LanguageSearch(Spelling(ALPHABET, lexicon, closed=True), MODEL, WEIGHTS, width=1100)
    found = search(LOGITS, FRAMES, n_best=15)
    for row, frames in enumerate(FRAMES):
        agree(found[row], expected(LOGITS[row, :frames], lexicon=lexicon, known=lexicon)[:15])


def test_words_whose_tree_is_too_large_are_refused_while_it_grows(monkeypatch):
    monkeypatch.setattr(spelling, "LARGEST", 4 * 9)
    assert len(Spelling(ALPHABET, ["aaa", "bbb"]).word) == 8
    with pytest.raises(UserError, match="which is full after 2 of them; give a smaller lexicon"):
        Spelling(ALPHABET, ["aaa", "bbb", "abb"])


def test_an_utterance_is_heard_alike_alone_and_beside_others():
    search = LanguageSearch(Spelling(ALPHABET, MODEL.words), MODEL, WEIGHTS, width=8)
    together = search(LOGITS, [3, 6, 5], n_best=3)
    for row, frames in enumerate([3, 6, 5]):
        assert search(LOGITS[row : row + 1, :frames], [frames], n_best=3)[0] == together[row]


def test_a_narrow_beam_never_scores_a_text_higher_than_it_is():
    wanted = {text: score for text, score, _ in expected(LOGITS[0])}
    for width in (1, 2, 5, 20):
        search = LanguageSearch(Spelling(ALPHABET, MODEL.words), MODEL, WEIGHTS, width=width)
        (found,) = search(LOGITS[:1], [6], n_best=width)
        assert all(hypothesis.score <= wanted[hypothesis.text] + 1e-9 for hypothesis in found)


def test_letters_of_unknown_words_are_paid_as_they_come_so_that_few_beams_are_enough():
    alphabet, rng = "abcd ", np.random.default_rng(0)
    words = ["abab", "abbd", "acbc", "ad", "bb", "cb", "cca", "cdbb", "da", "dd"]
    said = [" ".join(rng.choice(words, 2)) for _ in range(24)]
    logits = rng.normal(scale=1.5, size=(24, 20, 6))
    for row, text in zip(logits, said, strict=True):
        row[1 : 2 * len(text) : 2, 5] += 4  # a blank behind each letter, and at the end
        row[2 * len(text) :, 5] += 4
        row[range(0, 2 * len(text), 2), [alphabet.index(letter) for letter in text]] += 4
    model = kneser_ney([text.split() for text in said], 2)
    letters, weights = kneser_ney([list(word) for word in words], 3), Weights(0.7, 1.0)
    few, many = (
        LanguageSearch(Spelling(alphabet, words), model, weights, letters=letters, width=width)
        for width in (6, 100)
    )
    texts = ([best[0].text for best in search(logits, [20] * 24)] for search in (few, many))
    assert next(texts) == next(texts)


def test_confidences_are_the_shares_of_all_labellings():
    search = LanguageSearch(Spelling(ALPHABET, MODEL.words), MODEL, WEIGHTS, width=1100)
    (found,) = search(LOGITS[1:2], [5], n_best=1000)
    scores = {}
    for labelling, chance in every_labelling(LOGITS[1, :5], 3).items():
        text = "".join(ALPHABET[symbol] for symbol in labelling)
        if not text.startswith(" ") and "  " not in text:
            share = chance * np.exp(worth(text.split()))
            scores[" ".join(text.split())] = scores.get(" ".join(text.split()), 0) + share
    for hypothesis in found:
        share = scores[hypothesis.text] / sum(scores.values())
        np.testing.assert_allclose(hypothesis.confidence, share, rtol=1e-9)


def test_without_a_blank_in_the_alphabet_an_utterance_is_one_word():
    search = LanguageSearch(Spelling("ab", ["ab", "b"], closed=True), None, width=50)
    found = search(LOGITS[:1, :, [0, 1, 3]], [6], n_best=5)[0]
    assert {hypothesis.text for hypothesis in found} == {"", "ab", "b"}


def test_where_no_whole_word_fits_what_was_whole_before_is_given():
    sure = np.full((1, 4, 4), -40.0)
    for frame, symbol in enumerate((0, 2, 1, 3)):
        sure[0, frame, symbol] = 0.0  # "a b"
    search = LanguageSearch(Spelling(ALPHABET, ["a", "baaaaaa"], closed=True), None, width=1)
    (found,) = search(sure, [4])[0]
    assert found.text == "a"
    assert found.symbols == (0,)
    np.testing.assert_allclose(found.confidence, 1.0)


def test_words_stand_where_their_symbols_are_loudest():
    sure = np.full((1, 8, 4), -9.0)
    for frame, symbol in enumerate((3, 0, 1, 1, 2, 3, 1, 3)):
        sure[0, frame, symbol] = 0.0  # "ab b"
    words = timed([(0, 1, 2, 1)], sure, [8], ALPHABET, 0.02)[0]
    assert [word.text for word in words] == ["ab", "b"]
    np.testing.assert_allclose([word.start for word in words], [0.02, 0.12])
    np.testing.assert_allclose([word.end for word in words], [0.08, 0.14])
    np.testing.assert_allclose(
        [word.confidence for word in words], 1 / (1 + 3 * np.exp(-9)), rtol=1e-6
    )
    assert timed([()], sure, [8], ALPHABET, 0.02) == [[]]


def test_tuning_finds_the_weights_that_were_best_of_the_grid():
    search = LanguageSearch(Spelling(ALPHABET, MODEL.words), MODEL, Weights(0, 0), width=200)
    said = [row[0].text for row in search.weighed(Weights(0.0, 3.0))(LOGITS, FRAMES)]

    def wrong(texts):
        return sum(text != wanted for text, wanted in zip(texts, said, strict=True))

    batches = [(LOGITS[:2], FRAMES[:2]), (LOGITS[2:], FRAMES[2:])]
    grid = {"language": (0.0, 1.0, 3.0), "word": (-3.0, 0.0, 3.0)}
    best, tried = tuned(search, batches, wrong, grid)
    assert tried[best.weights] == min(tried.values()) == 0 < tried[Weights(0, 0)]
    assert [row[0].text for row in best(LOGITS, FRAMES)] == said


def test_tuning_goes_over_the_weights_again_until_none_gets_better():
    class Told:
        """A search that says its weights."""

        def __init__(self, weights):
            self.weights = weights

        weighed = staticmethod(lambda weights: Told(weights))

        def __call__(self, *_):
            said = f"{self.weights.language:g} {self.weights.word:g} {self.weights.unknown:g}"
            return [[Hypothesis(said, 0.0, 0.0, 1.0, ())]]

    errors = {
        (0, 0): 3,
        (0, -2): 2,
        (1, -2): 1,
    }  # by language and unknown: the second mends the first

    def wrong(texts):
        language, word, unknown = map(float, texts[0].split())
        return errors.get((language, unknown), 4) + word

    grid = {"language": (0.0, 1.0), "word": (0.0, 1.0), "unknown": (0.0, -2.0)}
    best, tried = tuned(Told(Weights(0.0, 0.0)), [()], wrong, grid)
    assert (best.weights.language, best.weights.word, best.weights.unknown) == (1.0, 0.0, -2.0)
    assert tried[best.weights] == 1


def test_what_is_dead_is_taken_for_no_labelling():
    beams = Beams.begin(2, 4, 0, 0)
    beams.key[:], beams.parent[:], beams.blank[:] = 7, 5, -1.0  # all alike, as if taken from one
    dead = np.array([[False, True, True, False], [False, False, False, True]])
    beams.bury(dead)
    assert (beams.key[~dead] == 7).all()
    assert (beams.key[dead] < 0).all()
    assert len(set(beams.key[0][dead[0]])) == 2
    assert not (beams.parent[dead][:, None] == beams.key.ravel()).any()
    assert (beams.total()[dead] < -1e29).all()
    assert (beams.parent[~dead] == 5).all()


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (
            lambda: Spelling(ALPHABET, ["AB", "c"], closed=True),
            "None of the 2 words of the lexicon",
        ),
        (lambda: LanguageSearch(Spelling("ab", ["a"]), hot_words=["b"]), "got \\['b'\\]"),
        (lambda: LanguageSearch(Spelling("ab", ["a"]), width=0), "`width` must be at least 1"),
        (lambda: LanguageSearch(Spelling("ab", ["a"]))(LOGITS, FRAMES), "with 3 symbols"),
    ],
)
def test_what_cannot_be_searched_is_refused(build, said):
    with pytest.raises(ValueError, match=said):
        build()
