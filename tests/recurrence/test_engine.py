import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import layers, recurrence
from kerasrnn.recurrence import tensorflow as engine
from kerasrnn.recurrence import tensorflow_scan as scan

X = np.random.default_rng(0).normal(size=(2, 9, 3)).astype("float32")


def second_derivative(layer):
    x = tf.constant(X, layer.compute_dtype)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(tf.sin(layer(x, training=True)))
        penalty = tf.reduce_sum(inner.gradient(y, x) ** 2)
    return outer.gradient(penalty, [x, *(w.value for w in layer.trainable_weights)])


@pytest.mark.parametrize("options", [{}, {"layer_norm": True}], ids=str)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_the_gradient_of_the_gradient_is_that_of_the_plain_scan(kind, options):
    layer = getattr(layers, kind)(
        4, return_sequences=True, route="scan", dtype="float64", **options
    )
    layer.build(X.shape)
    expected = second_derivative(layer)
    for layer.route in ("loop", "cluster"):
        for found, value in zip(second_derivative(layer), expected, strict=True):
            np.testing.assert_allclose(found, value, atol=1e-10, rtol=1e-6)


@pytest.mark.parametrize("drop", [0.0, 0.4])
@pytest.mark.parametrize("route", ["cluster", "scan"])
def test_layer_normalisation_has_the_gradient_of_its_formula(route, drop):
    """Also where each gate has a mask of its own, so that h U is centred after the product."""
    layer = layers.LSTM(4, layer_norm=True, recurrent_dropout=drop, route=route, seed=5)
    layer.build(X.shape)
    for weight in layer.weights:
        weight.assign(np.random.default_rng(1).normal(scale=0.7, size=weight.shape))
    cell, dice = layer.cell, layer.cell.seed_generator.state
    before = dice.numpy()
    masks = cell.recurrent_masks(tf.zeros((2, 4))) or [tf.ones((2, 4))] * 4
    dice.assign(before)

    def normal(a, gain):
        mean, variance = tf.nn.moments(a, -1, keepdims=True)
        return gain * (a - mean) / tf.sqrt(variance + 1e-5)

    def by_formula():
        w, u, b, w_gain, u_gain = (weight.value for weight in layer.trainable_weights)
        h = c = tf.zeros((2, 4))
        for t in range(X.shape[1]):
            parts = [(h * m) @ p for m, p in zip(masks, tf.split(u, 4, axis=1), strict=True)]
            z = normal(X[:, t] @ w, w_gain) + b + normal(tf.concat(parts, 1), u_gain)
            i, f, g, o = tf.split(z, 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
        return h

    found = []
    for run in (lambda: layer(X, training=True), by_formula):
        with tf.GradientTape() as tape:
            h = run()
            loss = tf.reduce_sum(tf.sin(h))
        found.append([h, *tape.gradient(loss, [w.value for w in layer.trainable_weights])])
    for ours, formula in zip(*found, strict=True):
        np.testing.assert_allclose(ours, formula, atol=1e-5, rtol=1e-4)


def test_lengths_fall_into_four_buckets_a_power_of_two():
    lengths = np.arange(1, 1001)
    found = np.array([int(engine.bucket(tf.constant(n, tf.int32))) for n in lengths[::7]])
    assert np.all(found >= lengths[::7])
    assert np.all(found <= np.maximum(lengths[::7] * 1.25, 8))
    assert len(np.unique(found)) <= 32


@pytest.mark.parametrize("backwards", [False, True])
def test_a_padded_length_gives_the_same_numbers(backwards):
    theirs = keras.layers.LSTM(4, return_sequences=True, return_state=True, go_backwards=backwards)
    ours = layers.LSTM(4, return_sequences=True, return_state=True, go_backwards=backwards)
    theirs.build(X.shape)
    ours.build(X.shape)
    ours.set_weights(theirs.get_weights())
    open_length = tf.function(ours, input_signature=[tf.TensorSpec((None, None, 3))])
    for steps in (2, 9):  # nine steps run in a bucket of ten
        x = X[:, :steps]
        for found, value in zip(open_length(x), theirs(x), strict=True):
            np.testing.assert_allclose(found, value, atol=1e-6)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_padded_length_gives_the_same_gradient(kind, backwards):
    layer = getattr(layers, kind)(4, return_sequences=True, go_backwards=backwards)
    layer.build(X.shape)
    x, mask = (
        tf.constant(X),
        np.array([[1, 1, 0, 1, 1, 1, 1, 0, 1], [0, 1, 1, 1, 1, 1, 1, 1, 0]], bool),
    )
    start = [tf.ones((2, 4)) * 0.1] * len(layer.cell.states)

    def gradients():
        with tf.GradientTape() as tape:
            tape.watch([x, *start])
            y = layer(x, mask=mask, initial_state=start, training=True)
            loss = tf.reduce_sum(tf.sin(y))
        return tape.gradient(loss, [x, *start, *(w.value for w in layer.trainable_weights)])

    layer.route = "scan"
    expected = gradients()
    layer.route = "cluster"  # nine steps run in a bucket of ten, for they run in eager code
    for found, value in zip(gradients(), expected, strict=True):
        np.testing.assert_allclose(found, value, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("layer", "shape", "route"),
    [
        (layers.LSTM(2), (None, None, 3), "cluster"),
        (layers.LSTM(2, route="loop"), (None, 5, 3), "loop"),
        (layers.GRU(2, reset_after=False), (None, 5, 3), "scan"),
        (layers.SimpleRNN(2), (None, 1, 3), "step"),
    ],
)
def test_the_plan_says_what_runs_and_why(layer, shape, route):
    plan = layer.plan(shape)
    assert plan.route == route
    assert plan.why.endswith(".")


def test_inside_portable_nothing_is_compiled():
    with recurrence.portable():
        assert layers.LSTM(2).plan((None, 5, 3)).route == "loop"
    assert layers.LSTM(2).plan((None, 5, 3)).route == "cluster"


@pytest.mark.parametrize("backwards", [False, True])
def test_steps_unrolled_give_the_same_numbers(backwards, monkeypatch):
    layer = layers.LSTM(4, return_sequences=True, go_backwards=backwards, dtype="float64")
    layer.build(X.shape)
    found, reads, read = [], [], scan._read
    monkeypatch.setattr(scan, "_read", lambda *what: reads.append(1) or read(*what))
    for unrolled in (1, 3):
        monkeypatch.setattr(scan, "UNROLLED", unrolled)
        reads.clear()
        layer.cell.__dict__.pop("_compiled_loops", None)
        with tf.GradientTape() as tape:
            y = tf.function(lambda x: layer(x, training=True), autograph=False)(X)
        found.append((len(reads), [y, *tape.gradient(y, [w.value for w in layer.weights])]))
    (once, one), (thrice, three) = found
    assert thrice == 3 * once > 0
    for value, other in zip(one, three, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-10)


def test_a_gradient_outside_training_is_right_too():
    layer = layers.LSTM(4)
    x = tf.constant(X)
    found = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(layer(x, training=training) ** 2)
        found.append(tape.gradient(y, x))
    np.testing.assert_allclose(*found, atol=1e-6)
