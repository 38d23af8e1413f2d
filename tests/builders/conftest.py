"""The slides' equations in NumPy float64, step by step, sharing nothing with kerasrnn."""

from types import SimpleNamespace

import numpy as np
import pytest


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def dense(x, weights, activation=lambda a: a):
    kernel, bias = (np.asarray(w, np.float64) for w in weights)
    return activation(x @ kernel + bias)


def simple_rnn_step(x, states, w, u, b):
    """h_t = tanh(W x_t + U h_{t-1} + b)"""
    return (np.tanh(x @ w + states[0] @ u + b),)


def lstm_step(x, states, w, u, b):
    """Deck 000's six equations; Keras packs the gates as [i | f | g | o]."""
    h, c = states
    i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, states, w, u, b):
    """Deck 000's four equations with the reset gate after the product; packed as [z | r | h]."""
    (h,) = states
    xz, xr, xh = np.split(x @ w + b[0], 3, axis=-1)
    hz, hr, hh = np.split(h @ u + b[1], 3, axis=-1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return (z * h + (1 - z) * np.tanh(xh + r * hh),)


STEPS = {"simple_rnn": (simple_rnn_step, 1), "lstm": (lstm_step, 2), "gru": (gru_step, 1)}


def run(kind, x, weights, start=None, mask=None, transitions=()):
    """A cell over x (B, T, D): every h_t (B, T, H), and the last states.

    `weights` are the cell's W, U, b, and `transitions` the (V, b) of the layers after each step.
    A masked step leaves the states as they were.
    """
    step, count = STEPS[kind]
    w, u, b = (np.asarray(weight, np.float64) for weight in weights)
    batch, length, _ = x.shape
    states = start or [np.zeros((batch, u.shape[0]))] * count
    outputs = []
    for t in range(length):
        new = list(step(np.asarray(x[:, t], np.float64), states, w, u, b))
        for transition in transitions:
            new[0] = dense(new[0], transition, np.tanh)
        if mask is not None:
            new = [np.where(mask[:, t, None], a, old) for a, old in zip(new, states, strict=True)]
        states = new
        outputs.append(states[0])
    return np.stack(outputs, axis=1), states


def weights_of(model, layer):
    return model.get_layer(layer).get_weights()


def randomise(model, seed=0):
    """Give every weight, biases too, a random value: no part of an equation can hide behind a 0."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.5, w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def assert_same(got, expected):
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture
def oracle():
    return SimpleNamespace(
        run=run,
        dense=dense,
        weights_of=weights_of,
        randomise=randomise,
        assert_same=assert_same,
    )


@pytest.fixture
def rng():
    return np.random.default_rng(7)
