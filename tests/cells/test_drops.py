"""What each dropout of a recurrent cell drops, written out in NumPy with the masks that were drawn."""

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells, layers
from tests.oracles.recurrent_cells import sigmoid

B, T, D, H = 3, 6, 2, 4
X = np.random.default_rng(0).normal(size=(B, T, D))
ONES = {"update": np.ones((T, B, H)), "memory": np.ones((B, H))}


def drawn(cell):
    """The same masks as the layer draws next: of x, of h, and the noise of `gate()`."""
    state = cell.seed_generator.state.numpy()
    found = cell.input_masks(X[:, 0]), cell.recurrent_masks(tf.zeros((B, H), "float64"))
    noise = cell.draw_noise(tf.zeros((B, H), "float64"), T)
    cell.seed_generator.state.assign(state)
    x, h = ([m.numpy() for m in masks] or [1.0] for masks in found)
    return x * (1 if len(x) > 1 else 4), h * (1 if len(h) > 1 else 4), noise


def lstm(weights, x_masks, h_masks, update, memory):
    """Equations (1) to (6) with every mask; the memory's is 0 or 1 / kept."""
    kernel, recurrent, bias = (np.split(w, 4, axis=-1) for w in weights)
    h, c, said = np.zeros((B, H)), np.zeros((B, H)), []
    for t in range(T):
        i, f, g, o = (
            (X[:, t] * x_masks[k]) @ kernel[k] + (h * h_masks[k]) @ recurrent[k] + bias[k]
            for k in range(4)
        )
        c = (memory > 0) * (sigmoid(f) * c + sigmoid(i) * update[t] * np.tanh(g))
        h = memory * sigmoid(o) * np.tanh(c)
        said.append(h)
    return np.stack(said, axis=1)


@pytest.mark.parametrize("route", ["loop", "scan"])
@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.4, "recurrent_dropout": 0.4},
        {"update_dropout": 0.4},
        {"memory_dropout": 0.4},
        {"update_dropout": 0.3, "memory_dropout": 0.3, "recurrent_dropout": 0.2},
    ],
    ids=["variational", "update", "memory", "together"],
)
def test_an_lstm_drops_what_its_equations_say(options, route):
    cell = cells.LSTMCell(H, seed=3, dtype="float64", **options)
    layer = layers.Recurrent(cell, return_sequences=True, dtype="float64", route=route)
    plain = layer(X)
    x_masks, h_masks, noise = drawn(cell)
    masks = {**ONES, **{name: mask.numpy() for name, mask in noise.items()}}
    weights = [w.numpy() for w in cell.trainable_weights]
    expected = lstm(weights, x_masks, h_masks, **masks)
    np.testing.assert_allclose(layer(X, training=True), expected, atol=1e-12)
    np.testing.assert_allclose(plain, lstm(weights, [1] * 4, [1] * 4, **ONES), atol=1e-12)


def test_what_is_remembered_survives_when_what_is_written_is_dropped():
    cell = cells.GRUCell(H, update_dropout=0.999, seed=1, dtype="float64")
    layer = layers.Recurrent(cell, dtype="float64", return_sequences=True)
    start = tf.ones((B, H), "float64")
    h = layer(X, initial_state=[start], training=True)
    update = [sigmoid(cell.project(X[:, 0])[:, :H] + cell.product()(start)[:, :H])]
    np.testing.assert_allclose(h[:, 0], update[0], atol=1e-12)


def test_a_cell_without_it_has_nothing_to_drop():
    with pytest.raises(
        ValueError, match="`memory_dropout` must be 0 for GRUCell, whose step has no"
    ):
        cells.GRUCell(H, memory_dropout=0.1)
    with pytest.raises(ValueError, match="`update_dropout` must be 0 for SimpleRNNCell"):
        cells.SimpleRNNCell(H, update_dropout=0.1)
