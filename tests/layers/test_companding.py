"""µ-law companding and its codes, against the formula in NumPy float64."""

import numpy as np

from kerasrnn.layers.companding import (
    code_values,
    dequantise,
    mu_law,
    mu_law_inverse,
    quantise,
    silence,
)

X = np.linspace(-1, 1, 4001)


def oracle(x, mu=255):
    return np.sign(x) * np.log(1 + mu * np.abs(x)) / np.log(1 + mu)


def test_companding_is_the_formula_with_its_parentheses():
    np.testing.assert_allclose(mu_law(X.astype("float32")), oracle(X), atol=1e-6)
    np.testing.assert_allclose(mu_law(X.astype("float32"), 15), oracle(X, 15), atol=1e-6)


def test_the_inverse_gives_the_samples_back():
    x = X.astype("float32")
    np.testing.assert_allclose(mu_law_inverse(mu_law(x)), x, atol=1e-6)


def test_codes_are_the_nearest_equal_steps_of_the_companded_sample():
    wanted = np.floor((oracle(X) + 1) / 2 * 255 + 0.5).astype(int)
    codes = np.asarray(quantise(X.astype("float32")))
    assert (codes.min(), codes.max()) == (0, 255)
    assert np.mean(codes == wanted) > 0.999  # float32 beside float64 at an edge
    assert np.abs(codes - wanted).max() <= 1


def test_every_code_is_its_own_code_again_for_any_number_of_levels():
    for levels in (2, 16, 255, 256, 1024):
        codes = np.arange(levels)
        np.testing.assert_array_equal(quantise(dequantise(codes, levels), levels), codes)
        np.testing.assert_allclose(
            code_values(codes, levels), np.linspace(-1, 1, levels), atol=1e-6
        )
        assert int(quantise(np.float32(0), levels)) == silence(levels)


def test_beyond_full_scale_counts_as_full_scale():
    np.testing.assert_array_equal(quantise(np.float32([-7, 7])), [0, 255])


def test_a_loud_sample_is_told_as_finely_as_its_level_allows():
    x = X.astype("float32")
    error = np.abs(np.asarray(dequantise(quantise(x))) - x)
    assert np.all(error <= (1 / 255 + np.abs(x)) * np.log(256) / 255 * 1.03)
