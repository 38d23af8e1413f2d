"""Pascanu's Ω against its formula, the Jacobians taken by finite differences in NumPy float64."""

import keras
import numpy as np
import pytest

from kerasrnn.builders import many_to_many, many_to_one
from kerasrnn.training.omega import OmegaRegularized
from tests.oracles.recurrent_cells import STEPS

B, T, D, H, C, EPSILON = 2, 4, 2, 3, 2, 1e-6
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype("float32")
Y = RNG.normal(size=(B, C)).astype("float32")
MASK = np.array([[1, 1, 1, 1], [1, 0, 1, 1]], bool)


def network(name):
    keras.utils.set_random_seed(2)
    return many_to_one(name, units=H, features=D, classes=C, masked=True)


class Oracle:
    """One row at a time; a state is all states side by side, (S,)."""

    def __init__(self, name, weights):
        self.gate, self.count = STEPS[name]
        self.kernel, self.recurrent, bias, self.out, self.out_bias = weights
        self.b_in, self.b_rec = bias if bias.ndim == 2 else (bias, 0.0)

    def step(self, x, state, around=None, recurrent=None):
        """The next state; with `recurrent`, that U takes over from the own one at the state `around`."""
        states = np.split(state, self.count)
        r = states[0] @ self.recurrent
        if recurrent is not None:
            h = np.split(around, self.count)[0]
            r = h @ self.recurrent + (states[0] - h) @ recurrent
        return np.concatenate(self.gate(x @ self.kernel + self.b_in, r + self.b_rec, states))

    def loss(self, xs, state, y):
        for x in xs:
            state = self.step(x, state)
        answer = np.split(state, self.count)[0] @ self.out + self.out_bias
        return np.mean((answer - y) ** 2) / B

    def omega(self, recurrent):
        terms = []
        for row, mask, y in zip(X.astype("float64"), MASK, Y, strict=True):
            xs, state = row[mask], np.zeros(H * self.count)
            for k, x in enumerate(xs):
                new = self.step(x, state)
                error = slope(lambda s, rest=xs[k + 1 :], y=y: self.loss(rest, s, y), new)
                back = slope(
                    lambda s, x=x, at=state, e=error: e @ self.step(x, s, at, recurrent), state
                )
                terms.append((np.linalg.norm(back) / np.linalg.norm(error) - 1) ** 2)
                state = new
        return np.mean(terms)


def slope(function, at):
    rows = np.eye(len(at)) * EPSILON
    return np.array([(function(at + d) - function(at - d)) / (2 * EPSILON) for d in rows])


def descent(model):
    """What a step of plain descent of rate 1 subtracts from U."""
    model.compile(keras.optimizers.SGD(1.0), "mse")
    weight = next(w for w in model.trainable_weights if "recurrent_kernel" in w.path)
    before = weight.numpy()
    logs = model.train_on_batch([X, MASK], Y, return_dict=True)
    return before - weight.numpy(), logs


@pytest.mark.parametrize("name", ["simple_rnn", "lstm", "gru"])
def test_omega_and_its_gradient_are_those_of_the_formula_with_states_held_fixed(name):
    oracle = Oracle(name, [w.astype("float64") for w in network(name).get_weights()])
    plain, _ = descent(network(name))
    found, logs = descent(OmegaRegularized(network(name), weight=5.0))
    assert logs["omega"] == pytest.approx(oracle.omega(oracle.recurrent), rel=1e-4)
    for _ in range(3):
        direction = RNG.normal(size=oracle.recurrent.shape)
        ends = [oracle.omega(oracle.recurrent + sign * 1e-4 * direction) for sign in (1, -1)]
        expected = 5.0 * (ends[0] - ends[1]) / 2e-4
        assert np.sum((found - plain) * direction) == pytest.approx(expected, rel=1e-2, abs=1e-4)


def test_omega_falls_in_a_compiled_fit_and_the_model_comes_back(tmp_path):
    last = {}
    for weight in (0.0, 1.0):
        model = OmegaRegularized(network("simple_rnn"), weight=weight)
        model.compile(
            keras.optimizers.SGD(0.3),
            lambda y, p: 1e-3 * keras.ops.mean((y - p) ** 2, -1),
            jit_compile=True,
        )
        last[weight] = model.fit([X, MASK], Y, epochs=40, verbose=0).history["omega"][-1]
    assert last[1.0] < 0.85 * last[0.0]
    judged = model.evaluate([X, MASK], Y, verbose=0, return_dict=True)
    assert set(judged) == {"loss"}  # there is no Ω without gradients
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    assert loaded.weight == 1.0
    np.testing.assert_array_equal(
        loaded.predict([X, MASK], verbose=0), model.predict([X, MASK], verbose=0)
    )


def test_what_omega_cannot_do_is_refused():
    with pytest.raises(ValueError, match="`weight` must be at least 0, got -1"):
        OmegaRegularized(network("lstm"), -1)
    taught = many_to_many("output_rnn", units=4, features=3, classes=2, teacher=True)
    model = OmegaRegularized(taught)
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(ValueError, match="all steps ran at once"):
        model.fit([np.zeros((1, 5, 3)), np.zeros((1, 5, 2))], np.zeros((1, 5, 2)), verbose=0)
