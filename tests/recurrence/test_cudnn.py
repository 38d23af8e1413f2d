import os
import subprocess
import sys

import numpy as np
import pytest

from kerasrnn import layers, recurrence
from kerasrnn.cells import GRUCell, LSTMCell
from kerasrnn.recurrence import cudnn

B, T, D, H = 3, 6, 4, 5
X = np.random.default_rng(0).normal(size=(B, T, D)).astype("float32")


@pytest.fixture
def gpu(monkeypatch):
    """A machine that claims a GPU; Keras then runs its plain loop where it finds none."""
    monkeypatch.setattr(cudnn, "gpu", lambda: True)
    monkeypatch.setattr(cudnn, "MUST", "auto")


@pytest.mark.skipif(cudnn.gpu(), reason="needs a machine without a GPU")
def test_without_a_gpu_cudnn_is_neither_chosen_nor_forced():
    assert layers.LSTM(H).plan((B, T, D)).route == "cluster"
    with pytest.raises(ValueError, match="no GPU is visible"):
        layers.LSTM(H, use_cudnn=True)(X)


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU])
def test_with_a_gpu_it_is_chosen_and_can_be_forbidden(gpu, kind):
    assert kind(H, dropout=0.3).plan((B, T, D)).route == "cudnn"
    assert kind(H, use_cudnn=False).plan((B, T, D)).route == "cluster"
    with recurrence.portable():
        assert kind(H).plan((B, T, D)).route == "loop"


@pytest.mark.parametrize(
    "options",
    [
        {"zoneout": 0.1},
        {"layer_norm": True},
        {"recurrent_dropout": 0.1},
        {"weight_drop": 0.1},
        {"update_dropout": 0.1},
        {"activation": "relu"},
        {"use_bias": False},
        {"dtype": "float64"},
    ],
)
def test_it_is_not_chosen_for_what_it_cannot_compute(gpu, options):
    layer = layers.LSTM(H, **options)
    assert layer.plan((B, T, D)).route == "cluster"
    with pytest.raises(ValueError, match="'cudnn' cannot run here"):
        recurrence.plan(layer.cell, (B, T, D), "cudnn")


@pytest.mark.parametrize("cell", [LSTMCell, GRUCell])
@pytest.mark.parametrize("reverse", [False, True])
def test_it_gets_our_weights_states_and_order_of_time(gpu, cell, reverse):
    ours = layers.Recurrent(
        cell(H, bias_initializer="uniform"),
        return_sequences=True,
        return_state=True,
        go_backwards=reverse,
        route="loop",
    )
    start = [np.full((B, H), 0.1, "float32")] * len(ours.cell.states)
    expected = ours(X, initial_state=start)
    ours.route = None
    assert ours.plan((B, T, D)).route == "cudnn"
    for value, near in zip(ours(X, initial_state=start), expected, strict=True):
        np.testing.assert_allclose(value, near, atol=1e-5)


def test_a_mask_runs_through_our_own_loops(gpu):
    layer = layers.LSTM(H)
    mask = np.array([[True] * T, [True] * 3 + [False] * 3, [False] * T])
    cluster = layers.LSTM(H, use_cudnn=False)
    cluster.build(X.shape)
    layer.build(X.shape)
    cluster.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(X, mask=mask), cluster(X, mask=mask))
    with pytest.raises(ValueError, match="without a mask"):
        layers.LSTM(H, use_cudnn=True)(X, mask=mask)


def test_xla_is_not_asked_to_compile_a_model_with_it(gpu):
    layer = layers.LSTM(H)
    layer.build(X.shape)
    assert not layer.supports_jit


def test_a_step_that_xla_compiles_whole_has_no_cudnn_in_it(gpu):
    layer = layers.LSTM(H)
    with recurrence.compiled():
        assert layer.plan((B, T, D)).route == "cluster"
        layer.build((B, T, D))
        assert layer.supports_jit
        with pytest.raises(ValueError, match="XLA compiles the whole step"):
            recurrence.plan(layer.cell, (B, T, D), "cudnn")
    with recurrence.compiled(False):
        assert layer.plan((B, T, D)).route == "cudnn"


def test_on_jax_it_is_asked_for_and_the_loops_take_some_steps_a_turn():
    script = """
import keras, numpy as np
from kerasrnn import layers
from kerasrnn.recurrence import cudnn, jax
layer, x = layers.LSTM(5, return_sequences=True), np.random.default_rng(0).normal(size=(3, 6, 4))
plain = layer(x)
cudnn.gpu = lambda: True
assert layer.plan(x.shape).route == "loop"
assert layers.LSTM(5, use_cudnn=True).plan(x.shape).route == "cudnn"
turns, scan = [], jax.lax.scan
jax.lax.scan = lambda *a, unroll, **k: turns.append(unroll) or scan(*a, unroll=unroll, **k)
np.testing.assert_allclose(layer(x), plain, atol=1e-6)
assert turns == [jax.UNROLLED] and jax.UNROLLED > 1
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, env=environment)
