"""Layers that compute all steps at once where none waits for another."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells, layers
from kerasrnn.regularizers import NormStabilizer
from tests.oracles import recurrent_cells as oracle

B, T, D, H, C = 2, 5, 3, 4, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype("float32")
TEACHER = np.eye(C, dtype="float32")[RNG.integers(C, size=(B, T))]


def close(a, b, tolerance=1e-5):
    for p, q in zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True):
        np.testing.assert_allclose(p, q, atol=tolerance)


def time_delay(steps=T, frames=3, **arguments):
    arguments = {"return_sequences": True, "return_state": True, **arguments}
    whole = layers.TimeDelay(cells.get("time_delay", H, frames=frames, seed=1), **arguments)
    whole.build((B, steps, D))
    whole.set_weights([w + 0.3 * RNG.normal(size=w.shape) for w in whole.get_weights()])
    loop = layers.Recurrent(whole.cell, route="loop", **arguments)
    return whole, loop


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_time_delay_layer_says_what_its_cells_loop_says(steps, backwards):
    whole, loop = time_delay(steps, frames=4, go_backwards=backwards)
    start = [RNG.normal(size=(B, w)).astype("float32") for w in whole.cell.widths]
    loop.route = None if steps == 1 else "loop"
    for state in (None, start):
        close(whole(X[:, :steps], initial_state=state), loop(X[:, :steps], initial_state=state))


def test_a_time_delay_layer_is_keras_causal_convolution():
    whole, _ = time_delay(return_state=False)
    kernel, bias = whole.get_weights()
    windows = np.stack(np.split(kernel, 3, axis=1)[::-1])  # a convolution begins with the oldest
    convolution = keras.layers.Conv1D(H, 3, padding="causal", activation="tanh")
    convolution.build(X.shape)
    convolution.set_weights([windows, bias])
    close(whole(X), convolution(X))
    expected = oracle.time_delay(X[0].astype("float64"), kernel, bias, frames=3)
    close(whole(X)[0], expected)


def test_a_masked_time_delay_layer_runs_its_cell():
    whole, loop = time_delay()
    mask = tf.constant(RNG.random((B, T)) > 0.4)
    close(whole(X, mask=mask), loop(X, mask=mask))
    assert whole.plan(X.shape).route == "whole"
    assert layers.TimeDelay(whole.cell, route="scan").plan(X.shape).route == "scan"


def output_recurrent(**arguments):
    layer = layers.OutputRecurrent(cells.get("output_rnn", H, classes=C), **arguments)
    layer.build(X.shape)
    layer.set_weights([w + 0.3 * RNG.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def test_with_a_teacher_each_step_reads_the_right_answer_before_it():
    layer = output_recurrent(return_sequences=True)
    w = {v.name: np.asarray(v, "float64") for v in layer.trainable_weights}
    h = np.tanh(X @ w["kernel"] + TEACHER @ w["recurrent_kernel"] + w["bias"])
    close(layer(X, teacher=TEACHER), h @ w["output_kernel"] + w["output_bias"])


def test_a_teacher_who_says_what_the_network_said_changes_nothing():
    layer = output_recurrent(return_sequences=True)
    own = layer(X)
    before = tf.concat([tf.zeros((B, 1, C)), own[:, :-1]], axis=1)
    close(layer(X, teacher=tf.nn.softmax(before)), own)


def test_a_teacher_has_nothing_to_say_to_a_layer_that_answers_once_or_penalises_states():
    with pytest.raises(ValueError, match="`teacher` needs return_sequences=True"):
        output_recurrent()(X, teacher=TEACHER)
    penalised = output_recurrent(return_sequences=True, state_regularizer=NormStabilizer(1.0))
    with pytest.raises(ValueError, match="`state_regularizer` must be None with `teacher`"):
        penalised(X, teacher=TEACHER)


def test_a_vector_stands_beside_each_step():
    vector = RNG.normal(size=(B, 2)).astype("float32")
    found = np.asarray(layers.AtEachStep()([X, vector]))
    assert found.shape == (B, T, D + 2)
    np.testing.assert_array_equal(found[..., :D], X)
    np.testing.assert_array_equal(found[..., D:], np.repeat(vector[:, None], T, axis=1))
