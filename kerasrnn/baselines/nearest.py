"""The answer of what looks most alike."""

from collections.abc import Sequence

import numpy as np


class NearestNeighbour:
    """Answers with what was said of the nearest known thing, by the cosine of their features.

    Args:
        features: of the known things, (N, F), or (N, L, F), which stands for its mean over L.
        answers: what was said of each.
        components: principal components of the features that are compared, each as much as the
            others ("whitened"); 0 compares the features themselves.
    Raises:
        ValueError: if there is nothing known, or the two differ in number.
    Source: the baseline of Devlin et al. 2015, arXiv:1505.04467, with one neighbour.
    """

    def __init__(self, features: np.ndarray, answers: Sequence, components: int = 0):
        if not len(features) or len(features) != len(answers):
            raise ValueError(
                "`features` and `answers` must be as many, at least one each, got "
                f"{len(features)} and {len(answers)}."
            )
        known = _vectors(features)
        self.centre = known.mean(axis=0)
        self.axes = whitening(known, components) if components else np.eye(known.shape[1])
        self.directions = self._directions(features)
        self.answers = list(answers)

    def nearest(self, features: np.ndarray) -> np.ndarray:
        """The number of the nearest known thing for each row of features, (M,)."""
        return np.argmax(self._directions(features) @ self.directions.T, axis=1)

    def predict(self, features: np.ndarray) -> list:
        """The answer for each row of features (M, F) or (M, L, F)."""
        return [self.answers[number] for number in self.nearest(features)]

    def _directions(self, features) -> np.ndarray:
        """Unit vectors from the middle of what is known: features after a ReLU all point one way."""
        away = (_vectors(features) - self.centre) @ self.axes
        return away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)


def whitening(features: np.ndarray, components: int) -> np.ndarray:
    """The first principal components of features (N, F), each divided by its size: (F, components).

    The features, less their mean, times this are uncorrelated and of one variance, but for a factor
    common to all. A component that they lack is 0.
    """
    features = np.asarray(features, np.float64)
    _, sizes, axes = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    count = min(components, int(np.sum(sizes > 1e-6 * sizes[0])))
    found = np.zeros((features.shape[1], components))
    found[:, :count] = axes[:count].T / sizes[:count]
    return found


def _vectors(features) -> np.ndarray:
    features = np.asarray(features, np.float64)
    return features.mean(axis=1) if features.ndim == 3 else features
