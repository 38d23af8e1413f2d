"""How far the gradient reaches: against Jacobians by finite differences, and deck 000's bound."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import cells, layers
from kerasrnn.builders import many_to_many, many_to_one
from kerasrnn.cell_names import CELL_NAMES
from kerasrnn.training import Diagnosis, TruncatedBPTT, gradient_flow
from tests.oracles.recurrent_cells import STEPS

B, T, D, H, C = 2, 5, 3, 4, 2
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype("float32")
Y = RNG.normal(size=(B, C)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0]], bool)
STATES = {"simple_rnn": ["h"], "gru": ["h"], "lstm": ["h", "c"]}


def network(name, **options):
    keras.utils.set_random_seed(2)
    model = many_to_one(name, units=H, features=D, classes=C, masked=True, **options)
    model.compile("sgd", "mse")
    return model


class Oracle:
    """One sequence at a time; a state is all states side by side."""

    def __init__(self, name, weights):
        self.gate, self.count = STEPS[name]
        self.kernel, self.recurrent, bias = (w.astype("float64") for w in weights[:3])
        self.b_in, self.b_rec = bias if bias.ndim == 2 else (bias, 0.0)

    def run(self, xs, state, mask):
        for x, counts in zip(xs, mask, strict=True):
            parts = np.split(state, self.count)
            z, r = x @ self.kernel + self.b_in, parts[0] @ self.recurrent + self.b_rec
            state = np.concatenate(self.gate(z, r, parts)) if counts else state
        return state

    def jacobian(self, xs, state, mask):
        columns = np.eye(len(state)) * 1e-6
        found = [self.run(xs, state + d, mask) - self.run(xs, state - d, mask) for d in columns]
        return np.stack(found, axis=1) / 2e-6


def norm(matrix):
    return np.linalg.norm(matrix, ord=2)


@pytest.mark.parametrize("name", STATES)
def test_the_flow_is_that_of_finite_differences(name):
    model = network(name)
    (flow,) = gradient_flow(model, ([X, MASK], Y)).values()
    oracle = Oracle(name, model.get_weights())
    answer, bias = (w.astype("float64") for w in model.get_weights()[3:])
    for b, (xs, mask, y) in enumerate(zip(X.astype("float64"), MASK, Y, strict=True)):
        start = np.zeros(H * oracle.count)
        states = [oracle.run(xs[:k], start, mask[:k]) for k in range(T + 1)]

        def loss(state, xs, mask, y=y):
            h = np.split(oracle.run(xs, state, mask), oracle.count)[0]
            return np.mean((h @ answer + bias - y) ** 2) / B

        for k in range(T + 1):
            whole = oracle.jacobian(xs[k:], states[k], mask[k:])
            for s, state in enumerate(STATES[name]):
                block = slice(s * H, (s + 1) * H)
                found = flow.through[state][b, k]
                assert found == pytest.approx(norm(whole[block, block]), rel=1e-3, abs=1e-6)
            if k < T:
                one = oracle.jacobian(xs[k : k + 1], states[k], mask[k : k + 1])
                assert flow.largest[b, k] == pytest.approx(norm(one), rel=1e-3)
                after = states[k + 1]
                moves = [np.eye(len(after))[j] * 1e-6 for j in range(H)]
                rest = xs[k + 1 :], mask[k + 1 :]
                error = [(loss(after + d, *rest) - loss(after - d, *rest)) / 2e-6 for d in moves]
                assert flow.error[b, k] == pytest.approx(np.linalg.norm(error), rel=1e-3, abs=1e-7)
                h = np.split(after, oracle.count)[0]
                assert flow.norms["h"][b, k] == pytest.approx(np.linalg.norm(h), rel=1e-4)


def test_deck_000s_bound_holds_a_contracting_network_vanishes_exponentially():
    keras.utils.set_random_seed(1)
    layer = layers.SimpleRNN(H)
    model = keras.Sequential([keras.Input((30, D)), layer])
    kernel, recurrent, bias = model.get_weights()
    eta = 0.8  # tanh' ≤ 1 = γ, and ‖U‖₂ = η < 1/γ
    model.set_weights([kernel, recurrent * eta / norm(recurrent), bias])
    (flow,) = gradient_flow(model, RNG.normal(size=(3, 30, D)).astype("float32")).values()
    assert (flow.largest <= eta * (1 + 1e-5)).all()
    bound = eta ** np.arange(30, -1, -1)
    assert (flow.through["h"] <= bound * (1 + 1e-4)).all()
    assert flow.through["h"][:, 0].max() < 1e-3 < flow.through["h"][:, -3].min()


def test_gates_and_reading_backwards_are_in_the_order_in_which_they_ran():
    keras.utils.set_random_seed(1)
    layer = layers.LSTM(H, go_backwards=True, bias_initializer="zeros")
    model = keras.Sequential([keras.Input((T, D)), layer])
    kernel, recurrent, bias = model.get_weights()
    bias[H] = 50  # the first unit never forgets
    bias[3 * H + 1] = -50  # the second is never read
    model.set_weights([kernel, recurrent, bias])
    (flow,) = gradient_flow(model, X).values()
    assert set(flow.gates) == {"input", "forget", "output"}
    assert flow.gates["forget"][1][0] == 1
    assert flow.gates["output"][0][1] == 1
    for a, b in flow.gates.values():
        assert ((a >= 0) & (b >= 0) & (a + b <= 1 + 1e-6)).all()
    turned = keras.Sequential([keras.Input((T, D)), layers.LSTM(H)])
    turned.set_weights(model.get_weights())
    (other,) = gradient_flow(turned, X[:, ::-1]).values()
    np.testing.assert_allclose(flow.through["c"], other.through["c"], rtol=1e-4)
    np.testing.assert_allclose(flow.states["h"], other.states["h"], rtol=1e-4, atol=1e-6)


GATES = {
    **{"gru": ["update", "reset"], "gru_reset_before": ["update", "reset"]},
    "unbounded": ["read", "write", "remember"],
    **{name: ["input", "forget", "output"] for name in CELL_NAMES if "lstm" in name},
    **{"lstm_nig": ["forget", "output"], "lstm_nfg": ["input", "output"]},
    **{"lstm_nog": ["input", "forget"], "lstm_cifg": ["input", "output"]},
}


@pytest.mark.parametrize("name", CELL_NAMES)
def test_every_cell_can_be_looked_into_and_names_its_gates(name):
    keras.utils.set_random_seed(2)
    model = many_to_one(name, units=3, features=D, classes=3)
    model.compile("sgd", "mse")
    x, y = RNG.normal(size=(2, 4, D)), RNG.normal(size=(2, 3))
    (flow,) = gradient_flow(model, (x.astype("float32"), y.astype("float32"))).values()
    assert all(np.isfinite(value) for value in flow.summary().values())
    assert all(through.shape == (2, 5) for through in flow.through.values())
    assert (flow.error[:, -1] > 0).all()
    assert list(flow.gates) == GATES.get(name, [])


@pytest.mark.parametrize(
    ("name", "gate", "place"),
    [
        ("peephole_lstm", "forget", 1),
        ("lstm_nig", "forget", 0),
        ("lstm_cifg", "output", 2),
        ("lstm_fgr", "output", 3),
        ("unbounded", "write", 1),
        ("gru_reset_before", "reset", 1),
    ],
)
def test_a_gate_has_the_name_of_its_place_in_the_weights(name, gate, place):
    layer = layers.Recurrent(cells.get(name, H, bias_initializer="zeros"))
    model = keras.Sequential([keras.Input((T, D)), layer])
    bias = np.zeros(layer.cell.bias.shape)
    bias[place * H : (place + 1) * H] = 50
    layer.cell.bias.assign(bias)
    (flow,) = gradient_flow(model, X).values()
    assert [key for key, (_, above) in flow.gates.items() if (above == 1).all()] == [gate]


def test_looking_changes_nothing_and_finds_every_layer():
    network = many_to_many("gru", units=[H, H], features=D, classes=C, carry=True)
    model = TruncatedBPTT(network, B)
    fed = {"tokens": X, "reset": np.zeros(B, bool)}
    model(fed)
    before = [v.numpy() for v in model.variables]
    flows = gradient_flow(model, fed)
    assert set(flows) == {"gru_1", "gru_2"}
    for a, b in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)
    assert flows["gru_1"].error is None


def test_the_callback_writes_what_the_flow_says_to_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = network("lstm")
    model.fit([X, MASK], Y, epochs=3, verbose=0, callbacks=[Diagnosis(([X, MASK], Y), tmp_path, 2)])
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0}).Reload()
    flow = gradient_flow(model, ([X, MASK], Y))["lstm_1"]
    for name, value in flow.summary().items():
        found = events.Tensors(f"lstm_1/{name}")
        assert [event.step for event in found] == [0, 2]
        written = float(tf.make_ndarray(found[-1].tensor_proto))
        assert written == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert "lstm_1/units/forget/above" in events.Tags()["tensors"]


def test_what_cannot_be_looked_into_is_refused():
    with pytest.raises(ValueError, match="`every` must be at least 1 epoch, got 0"):
        Diagnosis(X, "nowhere", 0)
    taught = many_to_many("output_rnn", units=H, features=D, classes=C, teacher=True)
    with pytest.raises(
        ValueError, match=r"must run a layer .* step by step, but \['output_rnn_1'\]"
    ):
        gradient_flow(taught, ([X, np.zeros((B, T, C), "float32")],))
    large = keras.Sequential([keras.Input((1000, 1)), layers.SimpleRNN(600)])
    with pytest.raises(
        ValueError, match="must be small enough for 1000 x 1 Jacobians of 600 x 600"
    ):
        gradient_flow(large, np.zeros((1, 1000, 1), "float32"))


def test_a_model_without_weights_yet_is_looked_into():
    model = keras.Sequential([layers.GRU(H), keras.layers.Dense(C)])
    model.compile("sgd", "mse")
    (flow,) = gradient_flow(model, (X, Y, None)).values()
    assert np.isfinite(list(flow.summary().values())).all()
