"""Word models on features that are generated: told apart only by what models of order can see."""

import numpy as np
import pytest

pytest.importorskip("hmmlearn", reason="the extra 'hmm' is not installed")

from kerasrnn.baselines.word_hmm import WordHMM

DIMENSIONS = 4
TARGETS = np.random.default_rng(0).normal(scale=1.5, size=(3, DIMENSIONS))
WORDS = {
    "up": (0, 1, 2),
    "down": (2, 1, 0),
    "middle": (1, 0, 2),
}  # the same sounds in another order


def clip(word, rng):
    """Each sound for 3 to 9 frames, in noise."""
    sounds = np.repeat(WORDS[word], rng.integers(3, 10, 3))
    return TARGETS[sounds] + rng.normal(scale=0.7, size=(len(sounds), DIMENSIONS))


def clips(count, seed):
    rng = np.random.default_rng(seed)
    return {word: [clip(word, rng) for _ in range(count)] for word in WORDS}


@pytest.fixture(scope="module")
def model():
    return WordHMM(states=3, mixtures=2).fit(clips(40, seed=1))


def test_words_of_the_same_sounds_are_told_apart_by_their_order(model):
    unseen = clips(50, seed=2)
    found = {word: model.recognise(given) for word, given in unseen.items()}
    right = np.mean([heard == word for word, every in found.items() for heard in every])
    assert right >= 0.98


def test_a_word_is_chosen_by_its_likelihood_and_how_often_it_was_said():
    given = clips(30, seed=3)
    rare = WordHMM(states=3, mixtures=1).fit(given | {"down": given["up"] * 3})
    for one in given["up"][:5]:  # the same sounds: the more frequent word
        scores = rare.scores(one)
        assert rare.recognise([one]) == ["down"]
        np.testing.assert_allclose(scores["down"] - scores["up"], np.log(3), atol=0.5)


def test_clips_of_one_frame_of_none_and_of_silence_are_answered(model):
    answers = model.recognise(
        [np.zeros((1, DIMENSIONS)), np.zeros((0, DIMENSIONS)), np.zeros((9, DIMENSIONS))]
    )
    assert answers[1] == ""
    assert {answers[0], answers[2]} <= set(WORDS)
    assert np.isfinite(list(model.scores(np.zeros((1, DIMENSIONS))).values())).all()


def test_words_with_hardly_any_frames_are_learned():
    same = WordHMM(states=4, mixtures=3).fit({"a": [np.zeros((2, 2))], "b": [np.ones((1, 2))]})
    assert same.recognise([np.zeros((3, 2)), np.ones((2, 2))]) == ["a", "b"]


@pytest.mark.parametrize("given", [{}, {"a": []}, {"a": [np.zeros((0, 2))]}])
def test_what_cannot_be_learned_from_is_refused(given):
    with pytest.raises(ValueError, match="at least one clip of at least one frame"):
        WordHMM().fit(given)
