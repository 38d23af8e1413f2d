"""Penalties: on weights by Keras' own, on states by ours; each in fit, and each beside its formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells, layers
from kerasrnn.builders import many_to_many
from kerasrnn.layers import Bidirectional
from kerasrnn.regularizers import NormStabilizer
from tests.oracles import recurrent_cells

B, T, D, H = 3, 5, 2, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [0, 0, 0, 0, 0]], bool)


def penalty(states, start, mask, beta):
    """β mean (‖h_t‖ - ‖h_{t-1}‖)² over the steps that count, one at a time."""
    found = []
    for row, first, counts in zip(states, start, mask, strict=True):
        old = np.linalg.norm(first)
        for h, counted in zip(row, counts, strict=True):
            if counted:
                found.append((np.linalg.norm(h) - old) ** 2)
                old = np.linalg.norm(h)
    return beta * np.mean(found)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_the_norm_stabilizer_is_its_formula_over_the_steps_that_count(backwards, sequences):
    layer = layers.LSTM(
        H,
        return_sequences=sequences,
        go_backwards=backwards,
        state_regularizer=NormStabilizer(7.0),
    )
    layer(X, mask=tf.constant(MASK))
    weights = [w.numpy() for w in layer.trainable_weights]
    x, mask = (X[:, ::-1], MASK[:, ::-1]) if backwards else (X, MASK)
    states, _ = recurrent_cells.run("lstm", x.astype("float64"), weights, mask)
    expected = penalty(states, np.zeros((B, H)), mask, 7.0)
    assert float(layer.losses[0]) == pytest.approx(expected, rel=1e-5)


def test_a_state_of_zero_has_no_gradient_rather_than_none_that_is_finite():
    states = tf.zeros((1, 2, H))
    with tf.GradientTape() as tape:
        tape.watch(states)
        loss = NormStabilizer(1.0)(states, tf.zeros((1, H)))
    np.testing.assert_array_equal(tape.gradient(loss, states), 0)


@pytest.mark.parametrize("jit", [False, True])
def test_every_penalty_is_in_the_loss_that_fit_descends(jit):
    keras.utils.set_random_seed(1)
    options = {"kernel_regularizer": keras.regularizers.L1(0.01), "recurrent_regularizer": "l2"}
    layer = layers.GRU(H, state_regularizer=NormStabilizer(2.0), **options)
    model = keras.Sequential([keras.Input((T, D)), layer, keras.layers.Dense(1)])
    plain = keras.Sequential([keras.Input((T, D)), layers.GRU(H), keras.layers.Dense(1)])
    plain.set_weights(model.get_weights())
    kernel, recurrent, bias = (w.numpy().astype("float64") for w in layer.trainable_weights)
    states, _ = recurrent_cells.run("gru", X.astype("float64"), [kernel, recurrent, bias])
    expected = 0.01 * np.abs(kernel).sum() + 0.01 * (recurrent**2).sum()
    expected += penalty(states, np.zeros((B, H)), np.ones((B, T)), 2.0)
    y = np.ones((B, 1), "float32")
    losses = []
    for one in (model, plain):
        one.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=jit)
        losses.append(one.fit(X, y, verbose=0).history["loss"][0])
    assert losses[0] - losses[1] == pytest.approx(expected, rel=1e-4)
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit)
    history = model.fit(X, y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_a_penalised_layer_comes_back_from_a_file(tmp_path):
    layer = layers.Recurrent(
        cells.LSTMCell(H, recurrent_regularizer="l2"), state_regularizer=NormStabilizer(3.0)
    )
    model = keras.Sequential([keras.Input((T, D)), layer])
    model(X)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    loaded(X)
    np.testing.assert_allclose(sorted(map(float, loaded.losses)), sorted(map(float, model.losses)))
    assert len(model.losses) == 2


@pytest.mark.parametrize(
    ("cell", "knobs"),
    [
        ("irnn", {"layers": 2}),
        ("lstm", {"bidirectional": "concat"}),
        ("output_rnn", {}),
        (cells.GRUCell(H), {"units": None}),
    ],
    ids=["irnn", "lstm", "output_rnn", "instance"],
)
def test_a_builder_penalises_every_layer_of_any_cell_and_its_file_keeps_that(cell, knobs, tmp_path):
    knobs = {"units": H, "features": D, "classes": 2, **knobs}
    plain = many_to_many(cell, **knobs)
    model = many_to_many(cell, state_regularizer=NormStabilizer(3.0), **knobs)
    model.set_weights(plain.get_weights())
    recurrent = [
        layer.output
        for layer in plain.layers
        if isinstance(layer, keras.layers.RNN | Bidirectional)
    ]
    expected = []
    for states in keras.tree.flatten(keras.Model(plain.input, recurrent)(X)):
        parts = np.split(np.asarray(states, "float64"), max(1, states.shape[-1] // H), axis=-1)
        parts = [parts[0], *(part[:, ::-1] for part in parts[1:])]  # read from the end
        start = np.zeros((B, parts[0].shape[-1]))
        expected += [penalty(part, start, np.ones((B, T)), 3.0) for part in parts]
    model(X)
    np.testing.assert_allclose(sorted(map(float, model.losses)), sorted(expected), rtol=1e-4)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    loaded(X)
    np.testing.assert_allclose(sorted(map(float, loaded.losses)), sorted(expected), rtol=1e-4)


def test_what_cannot_be_penalised_is_refused():
    with pytest.raises(ValueError, match="`beta` must be at least 0, got -1"):
        NormStabilizer(-1)
    with pytest.raises(ValueError, match="`state_regularizer` needs a cell of"):
        layers.Recurrent(keras.layers.LSTMCell(3), state_regularizer=NormStabilizer())
    with pytest.raises(ValueError, match="`state_regularizer` must be None with depth="):
        many_to_many(
            "irnn",
            units=H,
            features=D,
            classes=2,
            depth="hidden_to_hidden_and_output",
            state_regularizer=NormStabilizer(),
        )
