"""The interpolation of language models, against a search over all weights."""

import numpy as np

from kerasrnn.baselines.mixture import mixture, mixture_weights


def test_no_other_weights_of_two_models_predict_the_text_better():
    generator = np.random.default_rng(0)
    logs = np.log(generator.beta([[2.0], [1.0]], [[9.0], [5.0]], size=(2, 500))) - 400
    best = mixture_weights(logs)
    assert best.sum() == 1
    grid = np.linspace(0, 1, 1001)
    costs = [
        -np.log(w * np.exp(logs[0] + 400) + (1 - w) * np.exp(logs[1] + 400)).mean() for w in grid
    ]
    assert abs(best[0] - grid[np.argmin(costs)]) < 2e-3
    found = -mixture(logs, best).mean() - 400
    np.testing.assert_allclose(found, min(costs), rtol=1e-6)


def test_a_model_that_adds_nothing_gets_no_weight():
    logs = np.log([[0.5, 0.4, 0.3], [0.1, 0.2, 0.1]])
    weights = mixture_weights(logs, iterations=2000)
    assert weights[1] < 1e-6
    np.testing.assert_allclose(mixture(logs, [1.0, 0.0]), logs[0])
