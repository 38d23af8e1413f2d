"""Isolated words by hidden Markov models: speech recognition as it was before recurrent networks."""

from collections.abc import Mapping, Sequence

import numpy as np

from kerasrnn.baselines.hmm import HiddenMarkovModel

LEAST = 0.1  # variance at first, of standardised features


class WordHMM:
    """One Gaussian-mixture hidden Markov model for each word of a closed vocabulary.

        s_1 → s_2 → … → s_K        a state stays, goes on, or leaves one out; it begins in the first
         ↓     ↓         ↓
        x_t  ∈ ℝ^D                 cepstra and their slopes, standardised over all training frames

        word = argmax_w ln p(x_1 … x_T | model of w) + ln p(w),   p(w) as often as it was trained on    (1)

    Each model begins with clips cut into K equal parts, whose frames are dealt to the M Gaussians along
    their first principal component, and learns by Baum–Welch.

    Args:
        states: K.
        mixtures: M, Gaussians a state, with diagonal covariances.
    Raises:
        UserError: if hmmlearn is not installed.
    Source: Rabiner 1989, "A tutorial on hidden Markov models", section VI (isolated words).
    """

    def __init__(self, states: int = 6, mixtures: int = 2):
        self.states, self.mixtures = states, mixtures
        self.models: dict[str, HiddenMarkovModel] = {}
        HiddenMarkovModel(1, mixtures=1)  # hmmlearn is there

    def fit(self, clips: Mapping[str, Sequence[np.ndarray]], iterations: int = 10) -> "WordHMM":
        """Learn each word from its clips.

        Args:
            clips: word → features (T, D) of each of its clips, T at least 1, such as MFCC with deltas.
            iterations: of Baum–Welch, at most.
        Raises:
            ValueError: if there is no word, a word without a clip, or a clip without a frame.
        """
        every = [clip for given in clips.values() for clip in given]
        if not every or not all(len(given) for given in clips.values()) or not all(map(len, every)):
            raise ValueError(
                "`clips` must hold words with at least one clip of at least one frame each, got "
                f"{ {word: len(given) for word, given in clips.items()} } clips."
            )
        frames = np.concatenate(every)
        self._mean, self._deviation = frames.mean(axis=0), frames.std(axis=0) + 1e-8
        self._chances = {word: np.log(len(given) / len(every)) for word, given in clips.items()}
        for word, given in clips.items():
            scaled = [self._scaled(clip) for clip in given]
            model = HiddenMarkovModel(self.states, mixtures=self.mixtures, prior=1.0)
            model.set(**self._begin(scaled))
            self.models[word] = model.learn(scaled, iterations=iterations, tolerance=1.0)
        return self

    def scores(self, clip: np.ndarray) -> dict[str, float]:
        """(1) of each word, nats; `clip` is (T, D), T at least 1."""
        scaled = self._scaled(clip)
        return {
            word: model.evaluate(scaled) + self._chances[word]
            for word, model in self.models.items()
        }

    def recognise(self, clips: Sequence[np.ndarray]) -> list[str]:
        """The likeliest word of each clip (T, D); "" for one without a frame."""
        every = (self.scores(clip) if len(clip) else {"": 0.0} for clip in clips)
        return [max(scores, key=scores.get) for scores in every]

    def _scaled(self, clip: np.ndarray) -> np.ndarray:
        return (np.asarray(clip, np.float64) - self._mean) / self._deviation

    def _begin(self, clips: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Parameters to learn from."""
        steps = np.eye(self.states) + np.eye(self.states, k=1) + 0.1 * np.eye(self.states, k=2)
        parts = [np.arange(len(clip)) * self.states // len(clip) for clip in clips]
        frames, parts = np.concatenate(clips), np.concatenate(parts)
        begun = []
        for state in range(self.states):
            mine = frames[parts == state]
            begun.append(self._mixture(mine if len(mine) >= self.mixtures else frames))
        weights, means, variances = map(np.stack, zip(*begun, strict=True))
        return {
            "start": np.eye(self.states)[0],
            "transitions": steps / steps.sum(axis=1, keepdims=True),
            "weights": weights,
            "means": means,
            "variances": variances,
        }

    def _mixture(self, frames: np.ndarray):
        """Weights (M,), means and variances (M, D) of frames dealt out along their principal component."""
        away = frames - frames.mean(axis=0)
        order = np.argsort(away @ np.linalg.eigh(away.T @ away)[1][:, -1], kind="stable")
        order = np.resize(order, max(len(order), self.mixtures))  # again, where they are too few
        groups = [frames[part] for part in np.array_split(order, self.mixtures)]
        variances = [group.var(axis=0) + LEAST for group in groups]
        return (
            np.full(self.mixtures, 1 / self.mixtures),
            [g.mean(axis=0) for g in groups],
            variances,
        )
