"""A layer run in the open says what it says otherwise, and its taps know the gradient of each state."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells, layers
from kerasrnn.training.unrolled import cell_names, unrolled

B, T, D, H = 3, 5, 2, 4
X = tf.constant(np.random.default_rng(0).normal(size=(B, T, D)))
MASK = tf.constant(np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [0] * 5]) > 0)
KINDS = {"simple_rnn": {}, "lstm": {}, "gru": {}, "gru before": {"reset_after": False}}


def layer_of(name, **options):
    options = {**KINDS[name], "seed": 1, "dtype": "float64", **options}
    cell = cells.get(name.split()[0], H, **options)
    route = "loop" if cell.gate_form else "scan"
    return layers.Recurrent(cell, return_sequences=True, dtype="float64", route=route)


@pytest.mark.parametrize("name", KINDS)
def test_a_watched_layer_says_what_it_says_unwatched(name):
    layer = layer_of(name, recurrent_dropout=0.3, zoneout=0.2, layer_norm=True)
    layer(X)
    for training in (False, True):
        layer.cell.seed_generator.state.assign([1, 0])
        expected = layer(X, mask=MASK, training=training)
        layer.cell.seed_generator.state.assign([1, 0])
        with unrolled() as runs:
            found = layer(X, mask=MASK, training=training)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        (run,) = runs
        together = run.settle(run.step(run.z, run.previous), run.previous, run.keep)
        for a, b in zip(together, run.states, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_a_tap_knows_the_gradient_of_its_state(name):
    layer = layer_of(name)
    layer(X)
    with tf.GradientTape(persistent=True) as tape, unrolled(tape) as runs:
        loss = tf.reduce_sum(tf.sin(layer(X, mask=MASK)))
    (run,) = runs
    found = tape.gradient(loss, run.taps)
    # From step 2 on, as a run of its own that starts in the state after step 2.
    start = [state[1] for state in run.states]
    with tf.GradientTape() as tape:
        tape.watch(start)
        rest = layer(X[:, 2:], mask=MASK[:, 2:], initial_state=start)
        rest = tf.where(tf.constant([True, True, False])[:, None, None], rest, start[0][:, None])
        said = tf.concat([start[0][:, None], rest], axis=1)
        loss = tf.reduce_sum(tf.sin(said)[:2])
    for a, b in zip(found, tape.gradient(loss, start, unconnected_gradients="zero"), strict=True):
        np.testing.assert_allclose(a[1, :2], b[:2], atol=1e-6)


def test_both_ways_and_stacks_are_found_by_their_layers_names():
    inner = layers.Bidirectional(layers.LSTM(H, name="read", return_sequences=True))
    model = keras.Sequential([keras.Input((T, D)), inner, layers.GRU(H, name="tell")])
    assert set(cell_names(model).values()) == {"forward_read", "backward_read", "tell"}
    with unrolled() as runs:
        model(tf.cast(X, "float32"))
    assert [run.reverse for run in runs] == [False, True, False]
    with pytest.raises(ValueError, match=r"must have a layer of `kerasrnn\.layers`"):
        cell_names(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]))
