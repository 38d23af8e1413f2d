"""Linear auto-regression: series that follow their equation, and the least squares of scikit-learn's kind."""

import numpy as np
import pytest

from kerasrnn.baselines import AutoRegression


def test_a_sine_is_continued_exactly_from_two_values():
    t = np.arange(60)
    wave = 3 + 2 * np.sin(0.3 * t + 1)  # x_t - 3 = 2 cos(0.3) (x_{t-1} - 3) - (x_{t-2} - 3)
    model = AutoRegression(2).fit(wave[:40])
    np.testing.assert_allclose(model.weights[:, 0, 0], [2 * np.cos(0.3), -1], atol=1e-9)
    np.testing.assert_allclose(model.forecast(wave[:40], 20)[:, 0], wave[40:], atol=1e-8)
    np.testing.assert_allclose(model.predict(wave)[:-1, 0], wave[2:], atol=1e-9)


def test_the_weights_of_a_noisy_vector_series_solve_its_normal_equations():
    generator = np.random.default_rng(0)
    series = [generator.normal(size=(size, 2)).cumsum(0) for size in (30, 50)]
    model = AutoRegression(3).fit(*series)
    rows = [
        np.concatenate([*(one[t - k] for k in (1, 2, 3)), [1.0]])
        for one in series
        for t in range(3, len(one))
    ]
    rows, targets = np.array(rows), np.concatenate([one[3:] for one in series])
    expected = np.linalg.solve(rows.T @ rows, rows.T @ targets)
    np.testing.assert_allclose(model.weights.reshape(6, 2), expected[:-1], atol=1e-8)
    np.testing.assert_allclose(model.bias, expected[-1], atol=1e-8)
    last = series[0][-3:]
    by_hand = sum(last[-k] @ model.weights[k - 1] for k in (1, 2, 3)) + model.bias
    np.testing.assert_allclose(model.forecast(series[0], 1)[0], by_hand)


def test_series_too_short_and_orders_too_small_are_refused():
    with pytest.raises(ValueError, match="at least 4"):
        AutoRegression(3).fit([1, 2, 3])
    with pytest.raises(ValueError, match="at least 1"):
        AutoRegression(0)
