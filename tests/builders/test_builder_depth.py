"""The ways to depth of deck 000 against their equations in float64."""

import re

import keras
import numpy as np
import pytest

from kerasrnn import cells
from kerasrnn.builders import many_to_many, many_to_one
from kerasrnn.cells.deep_transition import DeepTransition

B, T, D, H, C = 2, 4, 3, 5, 2


def build(depth, oracle, cell="simple_rnn", **knobs):
    model = many_to_many(cell, units=H, features=D, classes=C, depth=depth, depth_layers=2, **knobs)
    return oracle.randomise(model)


def through(model, x, names, oracle):
    for name in names:
        x = oracle.dense(x, oracle.weights_of(model, name), np.tanh)
    return x


@pytest.mark.parametrize("shortcut", [False, True])
def test_deep_input_goes_through_dense_layers_and_past_them_by_the_shortcut(shortcut, oracle, rng):
    depth = "input_to_hidden_shortcut" if shortcut else "input_to_hidden"
    model = build(depth, oracle)
    x = rng.normal(size=(B, T, D))
    deep = through(model, x, ("deep_input_1", "deep_input_2"), oracle)
    deep = np.concatenate([x, deep], axis=-1) if shortcut else deep
    h, _ = oracle.run("simple_rnn", deep, oracle.weights_of(model, "simple_rnn_1"))
    oracle.assert_same(model(x), oracle.dense(h, oracle.weights_of(model, "outputs")))


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_deep_transition_and_output_are_dense_layers_after_each_step_and_answer(cell, oracle, rng):
    model = build("hidden_to_hidden_and_output", oracle, cell, layers=2)
    x = h = rng.normal(size=(B, T, D))
    for name in (f"{cell}_1", f"{cell}_2"):
        weights = oracle.weights_of(model, name)
        transitions = [weights[-4:-2], weights[-2:]]
        h, _ = oracle.run(cell, h, weights[:-4], transitions=transitions)
    deep = through(model, h, ("deep_output_1", "deep_output_2"), oracle)
    oracle.assert_same(model(x), oracle.dense(deep, oracle.weights_of(model, "outputs")))


def test_a_deep_transition_over_the_simple_cell_is_the_papers_equation_13(oracle, rng):
    """h_t = φ_3(U_3ᵀ φ_2(U_2ᵀ φ_1(U_1ᵀ h_{t-1} + Wᵀ x_t))), arXiv:1312.6026."""
    layer = keras.layers.RNN(
        DeepTransition(keras.layers.SimpleRNNCell(H, use_bias=False), transitions=2)
    )
    x = rng.normal(size=(B, T, D))
    layer.build((B, T, D))
    oracle.randomise(layer)
    w, u1, u2, b2, u3, b3 = layer.get_weights()
    h = np.zeros((B, H))
    for t in range(T):
        h = np.tanh(h @ u1 + x[:, t] @ w)
        h = np.tanh(np.tanh(h @ u2 + b2) @ u3 + b3)
    oracle.assert_same(layer(x), h)


def test_with_a_shortcut_the_last_transition_also_reads_the_step_before(oracle, rng):
    model = build("hidden_to_hidden_shortcut_and_output", oracle)
    x, h = rng.normal(size=(B, T, D)), np.zeros((B, H))
    w, u, b, v1, b1, v2, b2 = oracle.weights_of(model, "simple_rnn_1")
    for t in range(T):
        deep = np.tanh(np.tanh(x[:, t] @ w + h @ u + b) @ v1 + b1)
        h = np.tanh(np.hstack([deep, h]) @ v2 + b2)
    deep = through(model, h, ("deep_output_1", "deep_output_2"), oracle)
    expected = oracle.dense(deep, oracle.weights_of(model, "outputs"))
    oracle.assert_same(model(x)[:, -1], expected)


@pytest.mark.parametrize(
    ("cell", "transitions", "message"),
    [
        (keras.layers.LSTMCell(H), 0, "`transitions` must be at least 1, got 0"),
        (keras.layers.Dense(H), 1, "`cell` must be a cell such as LSTMCell"),
        (keras.layers.GRUCell(H, recurrent_dropout=0.1), 1, "no dropout or zoneout of its own"),
    ],
)
def test_a_deep_transition_refuses_what_it_cannot_deepen(cell, transitions, message):
    with pytest.raises(ValueError, match=message):
        DeepTransition(cell, transitions)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("dropout", 0.1),
        ("recurrent_dropout", 0.1),
        ("update_dropout", 0.1),
        ("memory_dropout", 0.1),
        ("weight_drop", 0.1),
        ("zoneout", 0.1),
        ("zoneout", (0.0, 0.1)),
    ],
)
def test_a_deep_transition_refuses_every_drop_of_the_cell_in_it(name, rate):
    came = re.escape(f"'{name}': {rate}")
    with pytest.raises(ValueError, match=f"no dropout or zoneout of its own .* got .*{came}"):
        DeepTransition(cells.LSTMCell(H, **{name: rate}))


def test_a_pair_of_zoneouts_of_0_is_none():
    assert DeepTransition(cells.LSTMCell(H, zoneout=(0.0, 0.0))).state_size == [H, H]


@pytest.mark.parametrize("layers", [1, 3])
def test_stacked_shortcuts_lead_the_input_to_every_layer_and_every_layer_to_the_output(
    layers, oracle, rng
):
    model = build("stacked_shortcut", oracle, "gru", layers=layers)
    x = h = rng.normal(size=(B, T, D))
    heights = []
    for number in range(1, layers + 1):
        below = h if number == 1 else np.concatenate([h, x], axis=-1)
        h, _ = oracle.run("gru", below, oracle.weights_of(model, f"gru_{number}"))
        heights.append(h)
    answer = oracle.dense(np.concatenate(heights, axis=-1), oracle.weights_of(model, "outputs"))
    oracle.assert_same(model(x), answer)


def test_stacked_shortcuts_need_answers_at_each_step():
    with pytest.raises(ValueError, match="'stacked_shortcut' needs a builder that answers at each"):
        many_to_one("gru", units=H, features=D, classes=C, depth="stacked_shortcut", layers=2)
