"""The mixture of logistics against the sigmoids' difference in float64."""

import keras
import numpy as np
import pytest
from scipy.special import logsumexp

from kerasrnn.losses import MixtureOfLogistics
from kerasrnn.losses.mixture_of_logistics import code_log_probabilities, log_probability


def oracle(parameters, codes, levels):
    """ln Σ_i π_i (σ(a_i) - σ(b_i)) in longdouble, for moderate parameters."""
    p = np.longdouble(parameters)
    logits, means, scales = np.split(p, 3, axis=-1)
    shares = np.exp(logits - logsumexp(np.float64(logits), axis=-1, keepdims=True))
    value, half = np.longdouble(codes)[..., None] * 2 / (levels - 1) - 1, 1 / (levels - 1)

    def cdf(x):
        return 1 / (1 + np.exp(-(x - means) / np.exp(scales)))

    upper = np.where(codes[..., None] == levels - 1, 1, cdf(value + half))
    lower = np.where(codes[..., None] == 0, 0, cdf(value - half))
    return np.log((shares * (upper - lower)).sum(-1))


@pytest.mark.parametrize("levels", [4, 256])
def test_it_is_the_difference_of_sigmoids(levels):
    rng = np.random.default_rng(0)
    parameters = rng.normal(0, 1, (50, 9))
    parameters[:, 6:] = rng.uniform(-4, 0, (50, 3))
    codes = rng.integers(0, levels, 50)
    codes[:2] = 0, levels - 1
    found = log_probability(parameters.astype("f"), codes, levels)
    np.testing.assert_allclose(found, np.float64(oracle(parameters, codes, levels)), rtol=1e-4)


@pytest.mark.parametrize("spread", [1.0, 30.0, 300.0])
def test_all_codes_together_have_probability_one_however_wild_the_parameters(spread):
    parameters = np.random.default_rng(1).normal(0, spread, (40, 12)).astype("f")
    logs = np.asarray(code_log_probabilities(parameters), np.float64)
    assert np.isfinite(logs).all()
    np.testing.assert_allclose(logsumexp(logs, axis=-1), 0, atol=2e-4)


def test_loss_and_gradient_stay_finite_at_the_edges():
    import tensorflow as tf

    for mean in (-50.0, 0.0, 50.0):
        for scale in (-40.0, 0.0, 40.0):
            parameters = tf.Variable(np.tile(np.float32([0, mean, scale]), (1, 3, 1)))
            with tf.GradientTape() as tape:
                loss = MixtureOfLogistics()(np.array([[0, 128, 255]]), parameters)
            assert np.isfinite(loss)
            assert np.isfinite(tape.gradient(loss, parameters)).all()


def test_the_loss_is_the_mean_of_what_is_not_weighted_away():
    rng = np.random.default_rng(2)
    parameters, codes = rng.normal(size=(2, 5, 6)).astype("f"), rng.integers(0, 256, (2, 5))
    weights = np.array([[1, 0, 0, 1, 1], [0, 0, 1, 0, 0]], "f")
    found = MixtureOfLogistics(reduction="mean_with_sample_weight")(codes, parameters, weights)
    each = -np.asarray(log_probability(parameters, codes))
    assert float(found) == pytest.approx(each[weights > 0].mean(), rel=1e-5)
    config = keras.saving.serialize_keras_object(MixtureOfLogistics(64))
    assert keras.saving.deserialize_keras_object(config).levels == 64
