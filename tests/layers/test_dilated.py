"""Causal convolutions and gated blocks: against NumPy, and step by step against the whole."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasrnn.layers import CausalConvolution, GatedResidual
from tests.oracles import dilated

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 12))


@settings(max_examples=15, deadline=None)
@given(SIZES, st.booleans())
def test_the_convolution_is_its_formula_and_so_are_its_steps(sizes, use_bias):
    size, dilation, steps = sizes
    layer = CausalConvolution(3, size, dilation, use_bias)
    x = np.random.default_rng(steps).normal(size=(2, steps, 2))
    whole = np.asarray(layer(x.astype("float32")))
    weights = [np.float64(w) for w in layer.get_weights()] + [None]
    for row in range(2):
        wanted = dilated.causal(x[row], weights[0], weights[1], size, dilation)
        np.testing.assert_allclose(whole[row], wanted, atol=1e-5)
    past = layer.start(2)
    for t in range(steps):
        y, past = layer.step(x[:, t].astype("float32"), past, t)
        np.testing.assert_allclose(y, whole[:, t], atol=1e-6)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("condition", [0, 3])
def test_the_block_is_its_formula_and_so_are_its_steps(condition, last):
    layer = GatedResidual(4, 5, kernel_size=3, dilation=2, condition=condition, last=last)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 11, 4)), rng.normal(size=(2, 11, 3))
    given = [x.astype("float32")] + ([y.astype("float32")] if condition else [])
    residual, skip = layer(*given)
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    residual, skip = layer(*given)
    own = {w.path.split("/", 1)[1]: np.float64(w) for w in layer.weights}
    names = ("convolution/kernel", "convolution/bias", "kernel", "bias", "condition_kernel")
    weights = [own[name] for name in names if name in own]
    past = layer.start(2)
    for row in range(2):
        wanted = dilated.gated(x[row], y[row], weights, 3, 2, last)
        np.testing.assert_allclose(residual[row], wanted[0], atol=1e-5)
        np.testing.assert_allclose(skip[row], wanted[1], atol=1e-5)
    for t in range(11):
        now = [one[:, t] for one in given]
        r, s, past = layer.step(now[0], past, t, *now[1:])
        np.testing.assert_allclose(r, residual[:, t], atol=1e-5)
        np.testing.assert_allclose(s, skip[:, t], atol=1e-5)


def test_one_condition_for_all_steps_is_the_same_as_that_row_at_each():
    layer = GatedResidual(4, 5, condition=3)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 6, 4)).astype("f"), rng.normal(size=(2, 1, 3)).astype("f")
    for one, each in zip(layer(x, y), layer(x, np.repeat(y, 6, axis=1)), strict=True):
        np.testing.assert_allclose(one, each, atol=1e-6)


def test_layers_come_back_from_their_configuration():
    for layer in (
        CausalConvolution(3, 4, 5, use_bias=False, kernel_initializer="ones"),
        GatedResidual(4, 5, kernel_size=3, dilation=2, condition=6, last=True),
    ):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CausalConvolution(0), "`filters` must be at least 1, got 0"),
        (lambda: CausalConvolution(1, 2, 0), "`dilation` must be at least 1, got 0"),
        (lambda: GatedResidual(0, 1), "`channels` and `skip` must be at least 1"),
    ],
)
def test_what_is_no_size_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
