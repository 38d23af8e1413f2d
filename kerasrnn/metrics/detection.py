"""How well scores tell events from the rest: ROC and precision-recall, with intervals and thresholds."""

from dataclasses import dataclass

import numpy as np

DRAWS = 1000  # of the bootstrap
AT_ONCE = 2**22  # numbers of the bootstrap held at once


def roc_auc(labels, scores) -> float:
    """P(score of a positive > score of a negative), a tie counted half: the area under the ROC curve.

    Args:
        labels: bool (N,), of both kinds.
        scores: (N,), finite.
    Raises:
        ValueError: if a kind is missing, or a score is not finite.
    """
    labels, scores = _checked(labels, scores)
    return float(_areas(labels, scores, np.ones((1, len(labels))))[0])


def auc_interval(
    labels, scores, share: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """The interval that holds `share` of the AUCs of bootstrap samples, drawn within each kind.

    Args:
        labels: (N,), true where there is an event; both kinds must be there.
        scores: (N,), finite, the higher the likelier.
        draws: bootstrap samples, by `seed`.
    Raises:
        ValueError: for other axes, one kind alone, or scores that are not finite.
    Source: Efron & Tibshirani 1993, section 13.3 (the percentile interval).
    """
    labels, scores = _checked(labels, scores)
    rng, count, areas = np.random.default_rng(seed), len(labels), []
    rows = max(1, AT_ONCE // count)
    for first in range(0, draws, rows):
        weights = np.empty((min(rows, draws - first), count))
        for kind in (labels, ~labels):
            weights[:, kind] = rng.multinomial(
                kind.sum(), np.full(kind.sum(), 1 / kind.sum()), len(weights)
            )
        areas.append(_areas(labels, scores, weights))
    low, high = np.quantile(np.concatenate(areas), [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def average_precision(labels, scores) -> float:
    """Σ_k (R_k - R_{k-1}) P_k over the thresholds from the highest score down."""
    labels, scores = _checked(labels, scores)
    precision, recall, _, _ = _curve(labels, scores)
    return float(np.sum(np.diff(recall, prepend=0) * precision))


@dataclass(frozen=True)
class Threshold:
    """A score from which on something counts as an event, and what that gave on the data it was chosen on.

    Attributes:
        score: the least that counts.
        precision, recall: with it.
        false_alarms: the share of negatives that count.
    """

    score: float
    precision: float
    recall: float
    false_alarms: float


def threshold_for(labels, scores, precision: float) -> Threshold:
    """The threshold with the highest recall of those that reach `precision`, or else the most precise.

    Args:
        labels, scores: see `auc_interval`.
        precision: wanted, from 0 to 1.
    Raises:
        ValueError: as `auc_interval`.
    """
    labels, scores = _checked(labels, scores)
    found, recall, alarms, values = _curve(labels, scores)
    wanted = min(precision, found.max())
    best = int(np.flatnonzero(found >= wanted)[-1])
    return Threshold(*(float(x[best]) for x in (values, found, recall, alarms)))


def _checked(labels, scores) -> tuple[np.ndarray, np.ndarray]:
    labels, scores = np.asarray(labels, bool), np.asarray(scores, np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape or labels.all() or not labels.any():
        raise ValueError(
            f"`labels` and `scores` must have one axis (N,) and labels of both kinds, got shapes "
            f"{labels.shape} and {scores.shape}, {int(labels.sum())} positives."
        )
    if not np.isfinite(scores).all():
        raise ValueError("`scores` must be finite.")
    return labels, scores


def _areas(labels, scores, weights) -> np.ndarray:
    """AUC for each row of weights (R, N)."""
    values, place = np.unique(scores, return_inverse=True)
    order = np.argsort(place, kind="stable")
    edges = np.searchsorted(place[order], np.arange(len(values)))
    sums = [
        np.add.reduceat((weights * kind)[:, order], edges, axis=1) for kind in (labels, ~labels)
    ]
    below = np.cumsum(sums[1], axis=1) - sums[1] / 2
    return (sums[0] * below).sum(1) / (sums[0].sum(1) * sums[1].sum(1))


def _curve(labels, scores):
    """Precision, recall and share of false alarms with each score as a threshold, highest first; the scores."""
    values = np.unique(scores)[::-1]
    order = np.argsort(-scores, kind="stable")
    last = np.searchsorted(-scores[order], -values, side="right") - 1
    hits, alarms = np.cumsum(labels[order])[last], np.cumsum(~labels[order])[last]
    return hits / (hits + alarms), hits / labels.sum(), alarms / (~labels).sum(), values
