"""The metrics of captions: against pycocoevalcap on the same sentences, and against sums by hand."""

import contextlib
import io
import math

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from kerasrnn.metrics import judge_captions
from kerasrnn.metrics.captions import bleu, longest_common

WORDS = ["a", "the", "red", "blue", "small", "circle", "dog", "cat", "mat", "left", "of", "<unk>"]


def theirs(hypotheses, references):
    """What pycocoevalcap says."""
    result = {at: [caption] for at, caption in enumerate(hypotheses)}
    truth = dict(enumerate(map(list, references)))
    with contextlib.redirect_stdout(io.StringIO()):
        scores = {f"bleu{n}": s for n, s in enumerate(Bleu(4).compute_score(truth, result)[0], 1)}
        scores["cider"] = Cider().compute_score(truth, result)[0]
        scores["rouge_l"] = Rouge().compute_score(truth, result)[0]
    return scores


def caption(rng, least, most):
    return " ".join(rng.choice(WORDS, rng.integers(least, most)))


def corpus(seed, images, most=5):
    """Random captions; every other hypothesis is one of its references with a word changed."""
    rng = np.random.default_rng(seed)
    references = [
        [caption(rng, 1, 14) for _ in range(rng.integers(1, most + 1))] for _ in range(images)
    ]
    hypotheses = [caption(rng, 1, 14) for _ in range(images)]
    for at in range(0, images, 2):
        words = references[at][0].split()
        words[rng.integers(len(words))] = str(rng.choice(WORDS))
        hypotheses[at] = " ".join(words)
    return hypotheses, references


@pytest.mark.parametrize(("seed", "images"), [(0, 200), (1, 30), (2, 3), (3, 1)])
def test_all_metrics_are_those_of_pycocoevalcap(seed, images):
    given = corpus(seed, images)
    assert judge_captions(*given) == pytest.approx(theirs(*given), abs=1e-6)


def test_empty_hypotheses_and_those_of_one_word_count_as_theirs_do():
    hypotheses, references = corpus(4, 20)
    hypotheses[:4] = ["", "dog", "zebra", ""]
    assert judge_captions(hypotheses, references) == pytest.approx(
        theirs(hypotheses, references), abs=1e-6
    )
    assert judge_captions([""] * 20, references) == dict.fromkeys(theirs([""], [["a"]]), 0.0)


def test_short_captions_score_as_theirs_do_though_they_have_no_four_words():
    given = (["red circle", "blue square"], [["red circle"], ["blue square", "a blue square"]])
    assert judge_captions(*given) == pytest.approx(theirs(*given), abs=1e-6)


def test_the_decks_the_the_the_has_a_clipped_precision_of_two_of_seven():
    """Deck 000, after Papineni et al. 2002, section 2.1: its hypothesis is no shorter than a reference."""
    said = "the the the the the the the"
    wanted = ["the cat is on the mat", "there is a cat on the mat"]
    assert bleu([said.split()], [[one.split() for one in wanted]])[0] == pytest.approx(2 / 7)


def test_a_hypothesis_that_is_too_short_pays_for_it_by_its_closest_reference():
    said, wanted = ["a b c d"], [["a b c d e f", "a b c d e f g h i"]]
    scores = judge_captions(said, wanted)
    for n in range(1, 5):
        assert scores[f"bleu{n}"] == pytest.approx(math.exp(1 - 6 / 4), rel=1e-6)
    tied = judge_captions(said, [["a b", "a b c d e f"]])  # 4 words: 2 and 6 are as close
    assert tied["bleu1"] == pytest.approx(1.0)


def test_captions_that_are_references_score_all_that_can_be_had():
    wanted = [["a red circle left of a dog"], ["the small blue cat is on the mat"]]
    scores = judge_captions([one for (one,) in wanted], wanted)
    assert scores == pytest.approx(dict.fromkeys(scores, 1.0) | {"cider": 10.0})


def test_cider_of_one_image_is_zero_since_no_word_tells_it_from_another():
    assert judge_captions(["a red dog sits"], [["a red dog sits"]])["cider"] == 0.0


def test_cider_weighs_what_few_images_have():
    """Two images; "a" is of both, ln 2/2 = 0, so that only "dog" and "cat", ln 2/1, count among the words."""
    scores = judge_captions(["a dog", "a dog"], [["a dog"], ["a cat"]])
    # image 1: words 1, pairs 1, longer 0 of 4 kinds; image 2: nothing in common but "a"
    assert scores["cider"] == pytest.approx((10 * 2 / 4 + 0) / 2)


def test_rouge_counts_words_in_order_with_gaps():
    assert longest_common(["a", "x", "b", "y", "c"], ["q", "a", "b", "c"]) == 3
    precision, recall = 3 / 5, 3 / 4
    expected = (1 + 1.44) * precision * recall / (recall + 1.44 * precision)
    assert judge_captions(["a x b y c"], [["q a b c"]])["rouge_l"] == pytest.approx(expected)


def test_wrong_arguments_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match="must be as many, at least one each, got 0 and 0"):
        judge_captions([], [])
    with pytest.raises(ValueError, match="must be as many, at least one each, got 1 and 2"):
        judge_captions(["a"], [["a"], ["b"]])
    with pytest.raises(
        ValueError, match="must hold a caption for each image, got none for image 1"
    ):
        judge_captions(["a", "b"], [["a"], []])
