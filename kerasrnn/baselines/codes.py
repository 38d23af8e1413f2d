"""What a model of companded sound must beat: the codes' frequencies, and a linear predictor."""

import math
from collections.abc import Iterable

import numpy as np

from kerasrnn.baselines.autoregression import AutoRegression
from kerasrnn.layers.companding import LEVELS, mu_law_inverse

UNSURE = 1e-3  # of the linear predictor's probability is spread over all codes alike
KINDS = ("laplace", "gaussian")


class CodePredictor:
    """Two baselines over the codes of `kerasrnn.layers.quantise`.

        unigram    p(v) = (n_v + 1) / Σ (n + 1)                                          (1)
        linear     p(v) = F(v's upper edge - x̂_t) - F(v's lower edge - x̂_t)              (2)
                   x̂_t = b + Σ_{k=1…n} a_k x_{t-k}

    x are the codes as samples; F is a Laplace or a Gaussian distribution with the scale of the residual,
    whichever tells the training sounds in fewer bits; (2) gives a thousandth to all codes alike.

    Args:
        order: n.
        levels: of a code.
    """

    def __init__(self, order: int, levels: int = LEVELS):
        self.order, self.levels = order, levels
        self.counts = np.zeros(levels)
        self.weights, self.bias = np.zeros(order), 0.0
        self.kind, self.scale = KINDS[0], 1.0
        steps = levels - 1
        edges = (2 * np.arange(1, levels) - 1) / steps - 1  # between neighbours, companded
        middles = 2 * np.arange(levels) / steps - 1
        self._edges = np.concatenate([[-np.inf], _expanded(edges, steps), [np.inf]])
        self._values = _expanded(middles, steps)

    def fit(self, sounds: list[np.ndarray], most: int) -> "CodePredictor":
        """Count all codes of `sounds`, each (T,), and fit (2) to some drawn ones, `most` samples together."""
        for codes in sounds:
            self.counts += np.bincount(codes, minlength=self.levels)
        share = min(1.0, most / max(sum(map(len, sounds)), 1))
        drawn = np.random.default_rng(0).permutation(len(sounds))[: math.ceil(share * len(sounds))]
        some = [sounds[k] for k in np.sort(drawn) if len(sounds[k]) > self.order]
        some = [codes[: max(most // len(some), self.order + 1)] for codes in some]
        if not some:
            return self
        series = [self._values[codes] for codes in some]
        regression = AutoRegression(self.order).fit(*series)
        self.weights, self.bias = regression.weights[:, 0, 0], float(regression.bias[0])
        wrong = np.concatenate([self._residual(one[None])[0] for one in series])
        scales = max(np.abs(wrong).mean(), 1e-6), max(np.sqrt((wrong**2).mean()), 1e-6)
        found = []
        for self.kind, self.scale in zip(KINDS, scales, strict=True):
            logs = [self.log_linear(codes[None]) for codes in some]
            found.append((-sum(one.sum() for one in logs), self.kind, float(self.scale)))
        _, self.kind, self.scale = min(found)
        return self

    @property
    def log_unigram(self) -> np.ndarray:
        """ln p of each code, (levels,): (1)."""
        return np.log((self.counts + 1) / (self.counts + 1).sum())

    def _residual(self, values: np.ndarray) -> np.ndarray:
        """x_t - x̂_t for t ≥ n: (N, T) → (N, T - n)."""
        steps = values.shape[1]
        ahead = sum(
            a * values[:, self.order - k : steps - k] for k, a in enumerate(self.weights, start=1)
        )
        return values[:, self.order :] - ahead - self.bias

    def log_linear(self, codes: np.ndarray) -> np.ndarray:
        """ln p of codes (N, T) from the `order` before each: (2), (N, T - order)."""
        values = self._values[codes]
        foretold = values[:, self.order :] - self._residual(values)
        codes = codes[:, self.order :]
        upper, lower = (self._edges[codes + side] - foretold for side in (1, 0))
        chance = self._cumulative(upper) - self._cumulative(lower)
        return np.log((1 - UNSURE) * np.maximum(chance, 0) + UNSURE / self.levels)

    def _cumulative(self, x: np.ndarray) -> np.ndarray:
        """F(x)."""
        x = np.clip(x / self.scale, -40, 40)  # the outermost edges are infinite
        if self.kind == "laplace":
            return np.where(x < 0, np.exp(np.minimum(x, 0)) / 2, 1 - np.exp(-np.maximum(x, 0)) / 2)
        from keras import ops

        return np.asarray(ops.erf(x / math.sqrt(2)), np.float64) / 2 + 0.5

    def bits(self, batches: Iterable) -> dict[str, float]:
        """Bits a sample of both over (codes (B, T), weights (B, T)); the first `order` of a row are given."""
        unigram = linear = total = 0.0
        for codes, weights in batches:
            counted = weights[:, self.order :]
            unigram -= (self.log_unigram[codes[:, self.order :]] * counted).sum()
            linear -= (self.log_linear(codes) * counted).sum()
            total += counted.sum()
        nats = total * math.log(2)
        return {
            "unigram_bits_per_sample": float(unigram / nats),
            "linear_bits_per_sample": float(linear / nats),
        }

    def to_json(self) -> dict:
        return {
            "order": self.order,
            "counts": self.counts.tolist(),
            "weights": self.weights.tolist(),
            "bias": self.bias,
            "kind": self.kind,
            "scale": self.scale,
        }

    @classmethod
    def from_json(cls, values: dict) -> "CodePredictor":
        """What `to_json` gave.

        Raises:
            ValueError: if it is not that.
        """
        counts, weights = (np.array(values[name], np.float64) for name in ("counts", "weights"))
        if values["kind"] not in KINDS or len(weights) != values["order"] or counts.ndim != 1:
            raise ValueError("a code predictor must have its kind, its weights and its counts")
        made = cls(int(values["order"]), len(counts))
        made.counts, made.weights = counts, weights
        made.bias, made.kind, made.scale = (
            float(values["bias"]),
            values["kind"],
            float(values["scale"]),
        )
        return made


def _expanded(y: np.ndarray, mu: int) -> np.ndarray:
    return np.asarray(mu_law_inverse(y.astype(np.float64), mu), np.float64)
