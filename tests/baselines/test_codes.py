"""The baselines of companded sound against brute force."""

import math

import numpy as np
import pytest

from kerasrnn.baselines import CodePredictor
from kerasrnn.layers.companding import dequantise, quantise


def sounds(count: int, steps: int, noise: float) -> list[np.ndarray]:
    """Auto-regressive series as codes: x_t = 1.6 x_{t-1} - 0.8 x_{t-2} + noise."""
    rng, made = np.random.default_rng(4), []
    for _ in range(count):
        x = np.zeros(steps)
        for t in range(2, steps):
            x[t] = 1.6 * x[t - 1] - 0.8 * x[t - 2] + rng.normal(0, noise)
        made.append(np.asarray(quantise(x.astype("f"))).astype(np.uint8))
    return made


@pytest.fixture(scope="module")
def fitted():
    return CodePredictor(4).fit(sounds(6, 800, 0.03), most=4000)


def test_the_unigram_is_the_smoothed_frequency(fitted):
    counts = sum(np.bincount(one, minlength=256) for one in sounds(6, 800, 0.03)) + 1
    np.testing.assert_allclose(np.exp(fitted.log_unigram), counts / counts.sum())


def test_the_linear_predictor_finds_the_recurrence_and_the_noise(fitted):
    np.testing.assert_allclose(fitted.weights, [1.6, -0.8, 0, 0], atol=0.1)
    assert fitted.kind == "gaussian"
    assert fitted.scale == pytest.approx(0.03, rel=0.15)


@pytest.mark.parametrize("kind", ["laplace", "gaussian"])
def test_each_code_has_the_mass_between_its_edges_and_all_have_one(fitted, kind):
    model = CodePredictor.from_json(fitted.to_json() | {"kind": kind})
    row = sounds(1, 20, 0.03)[0][:5]
    every = np.repeat(row[None], 256, axis=0)
    every[:, 4] = np.arange(256)
    chances = np.exp(model.log_linear(every)[:, 0])
    assert chances.sum() == pytest.approx(1, abs=1e-6)
    x = np.asarray(dequantise(row.astype(int)), np.float64)
    foretold = model.bias + sum(a * x[4 - k] for k, a in enumerate(model.weights, start=1))

    def cumulative(v):
        z = (v - foretold) / model.scale
        if kind == "gaussian":
            return (1 + math.erf(z / math.sqrt(2))) / 2
        return math.exp(z) / 2 if z < 0 else 1 - math.exp(-z) / 2

    def edge(code):
        y = (2 * code - 1) / 255 - 1
        return math.copysign((256 ** abs(y) - 1) / 255, y)

    for code in (1, 100, 128, 140, 254):
        wanted = cumulative(edge(code + 1)) - cumulative(edge(code))
        assert chances[code] == pytest.approx(0.999 * wanted + 0.001 / 256, rel=1e-4, abs=1e-9)


def test_bits_are_the_mean_over_what_counts(fitted):
    codes = np.stack(sounds(2, 30, 0.03)).astype(int)
    weights = np.random.default_rng(0).integers(0, 2, codes.shape).astype("f")
    found = fitted.bits([(codes[:1], weights[:1]), (codes[1:], weights[1:])])
    counted = weights[:, 4:] > 0
    linear = -fitted.log_linear(codes)[counted].mean() / math.log(2)
    unigram = -fitted.log_unigram[codes[:, 4:]][counted].mean() / math.log(2)
    assert found["linear_bits_per_sample"] == pytest.approx(linear)
    assert found["unigram_bits_per_sample"] == pytest.approx(unigram)
    assert linear < unigram


def test_it_comes_back_from_json_and_refuses_what_is_none(fitted):
    again = CodePredictor.from_json(fitted.to_json())
    codes = np.stack(sounds(1, 30, 0.03)).astype(int)
    np.testing.assert_array_equal(again.log_linear(codes), fitted.log_linear(codes))
    with pytest.raises(ValueError, match="must have its kind"):
        CodePredictor.from_json(fitted.to_json() | {"kind": "bogus"})


def test_the_sounds_that_are_fitted_are_drawn_so_that_no_kind_in_turn_is_left_out():
    quiet = np.full(500, 128, np.uint8)
    loud = np.random.default_rng(0).integers(0, 256, 500).astype(np.uint8)
    fitted = CodePredictor(4).fit([quiet, loud] * 20, most=5000)
    assert fitted.scale > 1e-3
