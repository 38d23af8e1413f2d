"""Linear auto-regression: the next value as a weighted sum of the last n."""

import numpy as np


class AutoRegression:
    """The best linear predictor from the last n values (deck 003: "auto-regression is the classical solution").

        x̂_t = b + Σ_{k=1…n} x_{t-k} A_k         A_k (D, D), b (D,)
        A, b = argmin Σ_t ‖x_t - x̂_t‖²          least squares; of several solutions, the smallest

    Args:
        order: n, steps that the predictor looks back; at least 1.
    Attributes:
        weights: (n, D, D), A_1 first.
        bias: (D,).
    """

    def __init__(self, order: int):
        if order < 1:
            raise ValueError(f"`order` must be at least 1, got {order}.")
        self.order = order
        self.weights = self.bias = None

    def fit(self, *series) -> "AutoRegression":
        """Fit to one or more series, each (T,) or (T, D) with T > n.

        Raises:
            ValueError: if a series is shorter, or their widths differ.
        """
        series = [self._checked(one, self.order + 1) for one in series]
        lags = np.concatenate([self._lags(one[:-1]) for one in series])
        lags = np.concatenate([lags, np.ones((len(lags), 1))], axis=1)
        targets = np.concatenate([one[self.order :] for one in series])
        solution = np.linalg.lstsq(lags, targets, rcond=None)[0]
        self.weights = solution[:-1].reshape(self.order, targets.shape[1], -1)
        self.bias = solution[-1]
        return self

    def predict(self, series) -> np.ndarray:
        """The value after each n values of a series (T, D), so x̂_{n+1} … x̂_{T+1}: (T - n + 1, D)."""
        lags = self._lags(self._checked(series, self.order))
        return lags @ self.weights.reshape(lags.shape[1], -1) + self.bias

    def forecast(self, series, steps: int) -> np.ndarray:
        """The `steps` values after a series, each from those before it, its own forecasts among them."""
        values = self._checked(series, self.order)[-self.order :]
        for _ in range(steps):
            values = np.concatenate([values, self.predict(values[-self.order :])])
        return values[self.order :]

    def _checked(self, series, least: int) -> np.ndarray:
        series = np.asarray(series, np.float64)
        series = series[:, None] if series.ndim == 1 else series
        if series.ndim != 2 or len(series) < least:
            raise ValueError(
                f"A series must be (T,) or (T, D) with T at least {least}, got {series.shape}."
            )
        return series

    def _lags(self, series: np.ndarray) -> np.ndarray:
        """(T - n + 1, n D): each n values in a row, the newest first."""
        count = len(series) - self.order + 1
        lags = [series[self.order - 1 - k :][:count] for k in range(self.order)]
        return np.concatenate(lags, axis=1)
