"""The answer of what looks most alike."""

from collections.abc import Sequence

import numpy as np


class NearestNeighbour:
    """Answers with what was said of the nearest known thing, by the cosine of their features.

    Args:
        features: of the known things, (N, F), or (N, L, F), which stands for its mean over L.
        answers: what was said of each.
    Raises:
        ValueError: if there is nothing known, or the two differ in number.
    Source: the baseline of Devlin et al. 2015, arXiv:1505.04467, with one neighbour.
    """

    def __init__(self, features: np.ndarray, answers: Sequence):
        if not len(features) or len(features) != len(answers):
            raise ValueError(
                "`features` and `answers` must be as many, at least one each, got "
                f"{len(features)} and {len(answers)}."
            )
        self.centre = _vectors(features).mean(axis=0)
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
        away = _vectors(features) - self.centre
        return away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)


def _vectors(features) -> np.ndarray:
    features = np.asarray(features, np.float64)
    return features.mean(axis=1) if features.ndim == 3 else features
