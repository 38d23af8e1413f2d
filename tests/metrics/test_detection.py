"""Scores against labels: scikit-learn's numbers, and what a threshold promises."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from kerasrnn.metrics.detection import auc_interval, average_precision, roc_auc, threshold_for


def drawn(seed=0, count=300, ties=True):
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.3
    scores = rng.normal(labels, 1)
    return labels, np.round(scores, 1) if ties else scores


@pytest.mark.parametrize("ties", [False, True])
def test_auc_and_average_precision_are_scikit_learns(ties):
    for seed in range(5):
        labels, scores = drawn(seed, ties=ties)
        assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
        wanted = average_precision_score(labels, scores)
        assert average_precision(labels, scores) == pytest.approx(wanted)


def test_the_interval_holds_the_true_auc_as_often_as_it_says():
    truth, held = 0.7602, 0  # P(N(1, 1) > N(0, 1)) = Φ(1 / √2)
    for seed in range(60):
        low, high = auc_interval(*drawn(seed, 150, ties=False), draws=200)
        assert low < high
        held += low <= truth <= high
    assert 0.85 < held / 60 <= 1


def test_the_interval_is_that_of_plain_resampling():
    labels, scores = drawn(3, 120)
    rng, areas = np.random.default_rng(1), []
    kinds = [np.flatnonzero(labels), np.flatnonzero(~labels)]
    for _ in range(1000):
        some = np.concatenate([rng.choice(kind, len(kind)) for kind in kinds])
        areas.append(roc_auc_score(labels[some], scores[some]))
    np.testing.assert_allclose(
        auc_interval(labels, scores), np.quantile(areas, [0.025, 0.975]), atol=0.015
    )


def test_a_threshold_has_the_wanted_precision_and_no_lower_one_has_more_recall():
    labels, scores = drawn(4)
    for wanted in (0.4, 0.6, 0.8):
        found = threshold_for(labels, scores, wanted)
        said = scores >= found.score
        assert found.precision == pytest.approx(labels[said].mean())
        assert found.recall == pytest.approx(said[labels].mean())
        assert found.false_alarms == pytest.approx(said[~labels].mean())
        assert found.precision >= wanted
        for other in np.unique(scores):
            if labels[scores >= other].mean() >= wanted:
                assert (scores >= other)[labels].mean() <= found.recall


def test_where_no_threshold_reaches_the_precision_the_most_precise_is_taken():
    found = threshold_for([True, False, True, False], [0.1, 0.9, 0.5, 0.8], 0.9)
    assert found.precision == 0.5
    assert found.recall == 1.0


@pytest.mark.parametrize(
    ("labels", "scores", "said"),
    [([True, True], [1, 2], "of both kinds"), ([True, False], [1, np.nan], "finite")],
)
def test_one_kind_and_scores_that_are_not_numbers_are_refused(labels, scores, said):
    with pytest.raises(ValueError, match=said):
        roc_auc(labels, scores)
