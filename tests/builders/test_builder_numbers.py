"""Each slide's picture against its equations in float64."""

import keras
import numpy as np
import pytest

from kerasrnn.builders import (
    encoder_decoder,
    many_to_many,
    many_to_one,
    one_to_many,
    one_to_one,
)

B, T, L, D, H, C = 2, 4, 3, 3, 5, 6


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_many_to_many_answers_from_each_state_of_the_upper_layer(cell, oracle, rng):
    model = oracle.randomise(many_to_many(cell, units=H, layers=2, features=D, classes=C))
    x = rng.normal(size=(B, T, D))
    h1, _ = oracle.run(cell, x, oracle.weights_of(model, f"{cell}_1"))
    h2, _ = oracle.run(cell, h1, oracle.weights_of(model, f"{cell}_2"))
    oracle.assert_same(model(x), oracle.dense(h2, oracle.weights_of(model, "outputs")))


def test_many_to_one_answers_from_the_last_state(oracle, rng):
    model = oracle.randomise(many_to_one("gru", units=H, features=D, classes=C))
    x = rng.normal(size=(B, T, D))
    h, _ = oracle.run("gru", x, oracle.weights_of(model, "gru_1"))
    oracle.assert_same(model(x), oracle.dense(h[:, -1], oracle.weights_of(model, "outputs")))


def test_one_to_one_over_the_simple_cell_is_a_vanilla_network(oracle, rng):
    model = oracle.randomise(one_to_one("simple_rnn", units=H, features=D, classes=C))
    x = rng.normal(size=(B, D))
    w, _, b = oracle.weights_of(model, "simple_rnn_1")
    h = oracle.dense(x, (w, b), np.tanh)
    oracle.assert_same(model(x), oracle.dense(h, oracle.weights_of(model, "outputs")))


def states_from(vector, model, names, oracle):
    return [
        oracle.dense(vector, oracle.weights_of(model, f"{name}_from"), np.tanh) for name in names
    ]


def test_one_to_many_starts_in_the_vector_and_reads_the_target(oracle, rng):
    model = one_to_many("lstm", units=H, layers=2, features=D, classes=C, inputs="one_hot")
    oracle.randomise(model)
    vector, target = rng.normal(size=(B, D)), rng.integers(C, size=(B, T))
    x = np.eye(C)[target]
    for name in ("lstm_1", "lstm_2"):
        start = states_from(vector, model, (f"{name}_h", f"{name}_c"), oracle)
        x, _ = oracle.run("lstm", x, oracle.weights_of(model, name), start=start)
    oracle.assert_same(
        model([vector, target]), oracle.dense(x, oracle.weights_of(model, "outputs"))
    )


def test_one_to_many_without_a_target_reads_the_vector_at_each_step(oracle, rng):
    model = one_to_many("gru", units=H, features=D, classes=C, inputs="vector", steps=T)
    oracle.randomise(model)
    vector = rng.normal(size=(B, D))
    start = states_from(vector, model, ("gru_1_h",), oracle)
    x = np.repeat(vector[:, None], T, axis=1)
    h, _ = oracle.run("gru", x, oracle.weights_of(model, "gru_1"), start=start)
    oracle.assert_same(model(vector), oracle.dense(h, oracle.weights_of(model, "outputs")))


def test_encoder_decoder_hands_each_layers_states_over(oracle, rng):
    model = oracle.randomise(encoder_decoder("lstm", units=H, layers=2, features=D, classes=C))
    source, target = rng.normal(size=(B, T, D)), rng.normal(size=(B, L, C))
    x, y = source, target
    for number in (1, 2):
        x, s = oracle.run("lstm", x, oracle.weights_of(model, f"encoder_lstm_{number}"))
        y, _ = oracle.run("lstm", y, oracle.weights_of(model, f"decoder_lstm_{number}"), start=s)
    expected = oracle.dense(y, oracle.weights_of(model, "outputs"))
    oracle.assert_same(model([source, target]), expected)


@pytest.mark.parametrize("merge", ["sum", "concat"])
def test_a_bidirectional_encoder_hands_over_both_directions(merge, oracle, rng):
    model = encoder_decoder("gru", units=H, features=D, classes=C, bidirectional=merge)
    oracle.randomise(model)
    source, target = rng.normal(size=(B, T, D)), rng.normal(size=(B, L, C))
    both = oracle.weights_of(model, "bidirectional_encoder_gru_1")
    _, (forward,) = oracle.run("gru", source, both[:3])
    _, (backward,) = oracle.run("gru", source[:, ::-1], both[3:])
    if merge == "sum":
        start = forward + backward
    else:
        (start,) = states_from(np.hstack([forward, backward]), model, ("gru_1_h",), oracle)
    y, _ = oracle.run("gru", target, oracle.weights_of(model, "decoder_gru_1"), start=[start])
    expected = oracle.dense(y, oracle.weights_of(model, "outputs"))
    oracle.assert_same(model([source, target]), expected)


def test_tokens_are_read_as_unit_vectors_or_as_rows_of_a_table(oracle, rng):
    tokens = rng.integers(C, size=(B, T))
    one_hot = many_to_one("simple_rnn", units=H, inputs="one_hot", vocabulary=C, classes=C)
    table = many_to_one(
        "simple_rnn", units=H, inputs="embedding", vocabulary=C, embedding_size=D, classes=C
    )
    for model, rows in ((one_hot, np.eye(C)), (table, None)):
        oracle.randomise(model)
        rows = oracle.weights_of(model, "inputs_embedding")[0] if rows is None else rows
        h, _ = oracle.run("simple_rnn", rows[tokens], oracle.weights_of(model, "simple_rnn_1"))
        expected = oracle.dense(h[:, -1], oracle.weights_of(model, "outputs"))
        oracle.assert_same(model(tokens), expected)


def test_encoder_decoder_reads_tokens_by_two_tables(oracle, rng):
    model = encoder_decoder(
        "simple_rnn", units=H, inputs="embedding", vocabulary=9, embedding_size=D, classes=C
    )
    oracle.randomise(model)
    source, target = rng.integers(9, size=(B, T)), rng.integers(C, size=(B, L))
    x = oracle.weights_of(model, "source_embedding")[0][source]
    y = oracle.weights_of(model, "target_embedding")[0][target]
    _, s = oracle.run("simple_rnn", x, oracle.weights_of(model, "encoder_simple_rnn_1"))
    y, _ = oracle.run("simple_rnn", y, oracle.weights_of(model, "decoder_simple_rnn_1"), start=s)
    expected = oracle.dense(y, oracle.weights_of(model, "outputs"))
    oracle.assert_same(model([source, target]), expected)


def test_a_cell_instance_is_a_pattern_built_anew_for_each_layer(oracle, rng):
    cell = keras.layers.LSTMCell(H, bias_initializer="ones")
    model = many_to_many(cell, layers=2, features=D, classes=C)
    assert not cell.built
    assert np.all(oracle.weights_of(model, "recurrent_1")[2][:H] == 1)
    oracle.randomise(model)
    x = rng.normal(size=(B, T, D))
    h1, _ = oracle.run("lstm", x, oracle.weights_of(model, "recurrent_1"))
    h2, _ = oracle.run("lstm", h1, oracle.weights_of(model, "recurrent_2"))
    oracle.assert_same(model(x), oracle.dense(h2, oracle.weights_of(model, "outputs")))


def test_dropout_drops_between_layers_and_before_the_output_only_in_training(oracle, rng):
    knobs = {"units": H, "layers": 2, "features": D, "classes": C}
    plain = oracle.randomise(many_to_one("simple_rnn", **knobs))
    dropped = many_to_one("simple_rnn", dropout=0.5, recurrent_dropout=0.5, **knobs)
    dropped.set_weights(plain.get_weights())
    kinds = [type(layer).__name__ for layer in dropped.layers]
    assert kinds == ["InputLayer", "SimpleRNN", "Dropout", "SimpleRNN", "Dropout", "Dense"]
    x = rng.normal(size=(B, T, D))
    oracle.assert_same(dropped(x), np.asarray(plain(x)))
    assert not np.allclose(dropped(x, training=True), dropped(x, training=True))


def test_answers_and_carried_states_are_float32_under_a_mixed_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = many_to_many("lstm", units=H, features=D, classes=C, carry=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("lstm_1").compute_dtype == "bfloat16"
    assert [tensor.dtype for tensor in model.outputs] == ["float32"] * 3
