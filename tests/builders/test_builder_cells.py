"""Every cell by its name in the builders, conditions and teachers."""

import keras
import numpy as np
import pytest

from kerasrnn import recurrence
from kerasrnn.builders import encoder_decoder, many_to_many, many_to_one, one_to_many, one_to_one
from kerasrnn.cells import CELLS, LSTMCell
from tests.oracles import recurrent_cells as cell_oracle

B, T, D, H, C = 2, 4, 3, 4, 3


@pytest.fixture(autouse=True)
def uncompiled():
    """The loops' numbers are compared elsewhere; here XLA would only take its time."""
    with recurrence.portable():
        yield


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_by_its_name_carries_its_states_from_chunk_to_chunk(cell, oracle, rng):
    knobs = {"units": H, "features": D, "classes": C}
    whole = oracle.randomise(many_to_many(cell, **knobs))
    carried = many_to_many(cell, carry=True, **knobs)
    carried.set_weights(whole.get_weights())
    x = keras.ops.convert_to_tensor(rng.normal(size=(B, T, D)), "float32")
    states = [keras.ops.zeros((B, tensor.shape[1])) for tensor in carried.inputs[1:]]
    first, *states = carried([x[:, :2], *states])
    second, *_ = carried([x[:, 2:], *states])
    oracle.assert_same(np.concatenate([first, second], axis=1), np.asarray(whole(x)))


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_by_its_name_has_its_place_on_the_other_slides(cell, oracle, rng):
    sizes = {"units": H, "features": D, "classes": C}
    x, y = (rng.normal(size=(B, T, width)).astype("float32") for width in (D, C))
    at_each, at_the_end = (builder(cell, **sizes) for builder in (many_to_many, many_to_one))
    oracle.randomise(at_each)
    at_the_end.set_weights(at_each.get_weights())
    oracle.assert_same(at_the_end(x), np.asarray(at_each(x))[:, -1])
    once = one_to_one(cell, **sizes)
    once.set_weights(at_each.get_weights())
    oracle.assert_same(once(x[:, 0]), np.asarray(at_each(x))[:, 0])
    for builder, read in ((one_to_many, x[:, 0]), (encoder_decoder, x)):
        model = oracle.randomise(builder(cell, **sizes))
        found, other = (np.asarray(model([first, y])) for first in (read, read + 1))
        assert found.shape == (B, T, C)
        assert (np.abs(found - other) > 1e-6).any(axis=-1)[:, 0].all()  # it is what was read
        late = np.concatenate([y[:, :-1], y[:, -1:] + 1], axis=1)
        oracle.assert_same(np.asarray(model([read, late]))[:, :-1], found[:, :-1])


@pytest.mark.parametrize("cell", ["delayed_rnn", "projected_lstm", "output_rnn", "time_delay"])
def test_a_cell_with_states_of_its_own_has_its_place_on_every_slide(cell, tmp_path, oracle, rng):
    x, vector, y = (rng.normal(size=s).astype("float32") for s in ((B, T, D), (B, D), (B, T, C)))
    sizes = {"units": H, "features": D, "classes": C}
    for model, given, shape in (
        (many_to_one(cell, **sizes), x, (B, C)),
        (one_to_one(cell, **sizes), vector, (B, C)),
        (one_to_many(cell, **sizes), [vector, y], (B, T, C)),
        (encoder_decoder(cell, **sizes), [x, y], (B, T, C)),
    ):
        found = oracle.randomise(model)(given)
        assert found.shape == shape
        model.save(tmp_path / "m.keras")
        again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
        np.testing.assert_array_equal(again(given), found)


def test_options_reach_the_named_cell_in_every_layer(oracle, rng):
    model = many_to_many(
        "leaky_rnn", units=H, layers=2, features=D, classes=C, cell_options={"tau": 3.0}
    )
    x = h = rng.normal(size=(B, T, D)).astype("float32")
    oracle.randomise(model)
    for name in ("leaky_rnn_1", "leaky_rnn_2"):
        names = ("kernel", "recurrent_kernel", "bias")
        weights = dict(zip(names, oracle.weights_of(model, name), strict=True))
        h, _ = cell_oracle.unroll(cell_oracle.leaky, h, [H], weights, tau=3.0)
    oracle.assert_same(model(x), oracle.dense(h, oracle.weights_of(model, "outputs")))


def test_a_bidirectional_stack_of_time_delays_sees_both_sides(oracle, rng):
    model = many_to_many("time_delay", units=H, features=D, classes=C, bidirectional="concat")
    oracle.randomise(model)
    x = rng.normal(size=(1, T, D))
    kernel, bias, kernel_back, bias_back = oracle.weights_of(model, "bidirectional_time_delay_1")
    before = cell_oracle.time_delay(x[0], kernel, bias, frames=3)
    after = cell_oracle.time_delay(x[0, ::-1], kernel_back, bias_back, frames=3)[::-1]
    expected = oracle.dense(np.hstack([before, after]), oracle.weights_of(model, "outputs"))
    oracle.assert_same(model(x)[0], expected)


def test_the_taught_model_and_the_one_that_answers_alone_share_their_weights(oracle, rng):
    knobs = {"units": H, "inputs": "one_hot", "vocabulary": D, "classes": C}
    taught = oracle.randomise(many_to_many("output_rnn", teacher=True, **knobs))
    alone = many_to_many("output_rnn", activation="softmax", **knobs)
    alone.set_weights(taught.get_weights())
    assert [tensor.name for tensor in taught.inputs] == ["inputs", "teacher"]
    tokens, right = rng.integers(D, size=(B, T)), rng.integers(C, size=(B, T))
    w, u, b, v, d = (np.asarray(a, "float64") for a in taught.get_weights())
    expected = np.tanh(np.eye(D)[tokens] @ w + np.eye(C)[right] @ u + b) @ v + d
    oracle.assert_same(taught([tokens, right]), expected)
    oracle.assert_same(np.asarray(alone(tokens)).sum(axis=-1), np.ones((B, T)))


def states_from(model, vector, oracle):
    return [oracle.dense(vector, oracle.weights_of(model, "gru_1_h_from"), np.tanh)]


@pytest.mark.parametrize("condition", ["state", "input", "both"])
def test_the_condition_goes_into_the_state_the_inputs_or_both(condition, oracle, rng):
    model = one_to_many("gru", units=H, features=2, classes=C, condition=condition)
    oracle.randomise(model)
    vector, target = rng.normal(size=(B, 2)), rng.normal(size=(B, T, C))
    beside = np.repeat(vector[:, None], T, axis=1)
    x = target if condition == "state" else np.concatenate([target, beside], axis=-1)
    start = None if condition == "input" else states_from(model, vector, oracle)
    h, _ = oracle.run("gru", x, oracle.weights_of(model, "gru_1"), start=start)
    expected = oracle.dense(h, oracle.weights_of(model, "outputs"))
    oracle.assert_same(model([vector, target]), expected)


def test_a_vector_read_at_each_step_need_not_be_the_first_state(oracle, rng):
    knobs = {"units": H, "features": D, "classes": C, "inputs": "vector", "steps": T}
    model = oracle.randomise(one_to_many("gru", condition="input", **knobs))
    vector = rng.normal(size=(B, D))
    x = np.repeat(vector[:, None], T, axis=1)
    h, _ = oracle.run("gru", x, oracle.weights_of(model, "gru_1"))
    oracle.assert_same(model(vector), oracle.dense(h, oracle.weights_of(model, "outputs")))


@pytest.mark.parametrize(
    ("builder", "knobs", "message"),
    [
        (many_to_many, {"cell": "gru", "teacher": True}, "`teacher` needs a cell that reads its"),
        (many_to_many, {"teacher": True, "carry": True}, "`teacher` needs .* carry=True"),
        (many_to_many, {"layers": 2}, "`layers` must be 1 with a cell that answers by itself"),
        (many_to_many, {"dropout": 0.5}, "`dropout` must be 0.0 with a cell that answers"),
        (many_to_many, {"cell_options": {"classes": 9}}, "`classes` must be the cell's own, 9"),
        (
            many_to_many,
            {"cell": CELLS["gru"](4), "units": None, "cell_options": {"a": 1}},
            "`cell_op",
        ),
        (one_to_many, {"condition": "first"}, "`condition` must be one of"),
        (one_to_many, {"inputs": "vector", "steps": 2, "condition": "state"}, '"input" or "both"'),
    ],
)
def test_what_a_slide_has_no_place_for_is_refused(builder, knobs, message):
    good = {"cell": "output_rnn", "units": H, "features": D, "classes": C}
    with pytest.raises(ValueError, match=message):
        builder(**{**good, **knobs})


@pytest.mark.parametrize(
    "cell", ["lstm", "peephole_lstm", LSTMCell(H, recurrent_dropout=0.5, seed=7)]
)
def test_layers_of_one_seed_drop_places_of_their_own(cell):
    named = {"units": H, "cell_options": {"seed": 7}, "recurrent_dropout": 0.5}
    knobs = named if isinstance(cell, str) else {}
    model = many_to_one(cell, layers=3, features=D, classes=C, **knobs)
    made = [layer.cell for layer in model.layers if hasattr(layer, "cell")]
    assert [one.seed for one in made] == [7, 8, 9]
    again = many_to_one(cell, layers=3, features=D, classes=C, **knobs)
    others = [layer.cell for layer in again.layers if hasattr(layer, "cell")]
    h = keras.ops.ones((B, H))
    masks = [[np.asarray(c.recurrent_masks(h)) for c in cells] for cells in (made, others)]
    np.testing.assert_array_equal(*masks)
    first, second, _ = masks[0]
    assert (first != second).any()
