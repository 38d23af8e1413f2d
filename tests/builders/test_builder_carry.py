"""States in, states out: two chunks are one long run."""

import keras
import numpy as np
import pytest

from kerasrnn.builders import many_to_many

B, T, D, H, C = 2, 5, 3, 4, 2


def build(cell, oracle, **knobs):
    knobs = {"features": D, "classes": C, "layers": 2, **knobs}
    whole = oracle.randomise(many_to_many(cell, **knobs))
    carried = many_to_many(cell, carry=True, **knobs)
    carried.set_weights(whole.get_weights())
    return whole, carried


def zeros(model):
    return [keras.ops.zeros((B, H))] * (len(model.inputs) - 1)


@pytest.mark.parametrize("depth", ["stacked", "hidden_to_hidden_and_output"])
@pytest.mark.parametrize(
    ("cell", "states"),
    [
        ("simple_rnn", ["simple_rnn_1_h", "simple_rnn_2_h"]),
        ("gru", ["gru_1_h", "gru_2_h"]),
        ("lstm", ["lstm_1_h", "lstm_1_c", "lstm_2_h", "lstm_2_c"]),
    ],
)
def test_two_chunks_equal_one_long_run(cell, states, depth, oracle, rng):
    whole, carried = build(cell, oracle, units=H, depth=depth)
    assert [tensor.name for tensor in carried.inputs] == ["inputs", *states]
    x = keras.ops.convert_to_tensor(rng.normal(size=(B, T, D)), "float32")
    first, *after = carried([x[:, :2], *zeros(carried)])
    second, *_ = carried([x[:, 2:], *after])
    oracle.assert_same(keras.ops.concatenate([first, second], axis=1), np.asarray(whole(x)))


def test_the_states_are_those_of_the_equations(oracle, rng):
    _, carried = build("lstm", oracle, units=H, layers=1)
    x, h0, c0 = rng.normal(size=(B, T, D)), rng.normal(size=(B, H)), rng.normal(size=(B, H))
    h, last = oracle.run("lstm", x, oracle.weights_of(carried, "lstm_1"), start=[h0, c0])
    y, *states = carried([x, h0, c0])
    oracle.assert_same(y, oracle.dense(h, oracle.weights_of(carried, "outputs")))
    for ours, theirs in zip(states, last, strict=True):
        oracle.assert_same(ours, theirs)


def test_a_masked_step_hands_the_states_on_as_they_came(oracle, rng):
    _, carried = build(keras.layers.GRUCell(H), oracle, masked=True)
    assert [tensor.name for tensor in carried.inputs][:2] == ["inputs", "mask"]
    x = rng.normal(size=(B, T, D)).astype("float32")
    start = [rng.normal(size=(B, H)).astype("float32") for _ in range(2)]
    mask = np.array([[True, True, True, False, False], [False] * 5])
    _, *states = carried([x, mask, *start])
    _, *short = carried([x[:, :3], mask[:, :3], *start])
    for state, as_short, as_came in zip(states, short, start, strict=True):
        oracle.assert_same(state[0], np.asarray(as_short[0]))
        np.testing.assert_array_equal(state[1], as_came[1])


def test_a_character_model_steps_token_by_token(oracle, rng):
    knobs = {"inputs": "one_hot", "vocabulary": 4, "features": None, "units": H, "classes": 4}
    whole, carried = build("gru", oracle, **knobs)
    tokens = keras.ops.convert_to_tensor(rng.integers(4, size=(B, T)), "int32")
    states, answers = zeros(carried), []
    for t in range(T):
        y, *states = carried([tokens[:, t : t + 1], *states])
        answers.append(np.asarray(y))
    oracle.assert_same(np.concatenate(answers, axis=1), np.asarray(whole(tokens)))


def test_a_bidirectional_stack_has_nothing_to_carry():
    with pytest.raises(ValueError, match=r"`bidirectional` must be None here \(a back"):
        many_to_many("gru", units=H, features=D, classes=C, carry=True, bidirectional="sum")
