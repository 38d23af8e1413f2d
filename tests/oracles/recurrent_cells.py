"""The cells' equations in NumPy float64, one sequence and one step at a time."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _normal(a, gain):
    return (a - a.mean()) / np.sqrt(a.var() + 1e-5) * gain


def lstm(z, r, states):
    _, c = states
    i, f, g, o = np.split(z + r, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(z, r, states):
    (h,) = states
    (z_u, z_r, z_n), (r_u, r_r, r_n) = np.split(z, 3), np.split(r, 3)
    u = sigmoid(z_u + r_u)
    return (u * h + (1 - u) * np.tanh(z_n + sigmoid(z_r + r_r) * r_n),)


def simple_rnn(z, r, states):
    return (np.tanh(z + r),)


STEPS = {"lstm": (lstm, 2), "gru": (gru, 1), "simple_rnn": (simple_rnn, 1)}


def run(name, x, weights, mask=None, layer_norm=False, zoneout=0.0):
    """Outputs (B, T, H) and final states of a cell at inference.

    Args:
        weights: W, U, b (and with `layer_norm` the two gains), as the cell orders them.
    """
    step, count = STEPS[name]
    kernel, recurrent, bias, *gains = (np.asarray(w, "float64") for w in weights)
    b_in, b_rec = bias if bias.ndim == 2 else (bias, 0.0)
    batch, steps, _ = x.shape
    units = recurrent.shape[0]
    outputs, final = np.zeros((batch, steps, units)), np.zeros((count, batch, units))
    for k in range(batch):
        states = [np.zeros(units) for _ in range(count)]
        for t in range(steps):
            z, r = x[k, t] @ kernel, states[0] @ recurrent
            if layer_norm:
                z, r = _normal(z, gains[0]), _normal(r, gains[1])
            new = step(z + b_in, r + b_rec, states)
            if mask is None or mask[k, t]:
                pairs = zip(states, new, strict=True)
                states = [zoneout * old + (1 - zoneout) * n for old, n in pairs]
            outputs[k, t] = states[0]
        final[:, k] = states
    return outputs, final
