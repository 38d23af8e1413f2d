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


# The cells whose weights or states are their own: a step takes x (D,), the states, the weights by
# name and the cell's options, and returns the states; the first is the output.


def softmax(a):
    return np.exp(a - a.max()) / np.exp(a - a.max()).sum()


def relu(a):
    return np.maximum(a, 0)


def elman(x, states, w, f=np.tanh):
    return (f(x @ w["kernel"] + states[0] @ w["recurrent_kernel"] + w["bias"]),)


def gru_before(x, states, w):
    (h,), units = states, len(states[0])
    z, u = x @ w["kernel"] + w["bias"], w["recurrent_kernel"]
    update, reset = np.split(sigmoid(z[: 2 * units] + h @ u[:, : 2 * units]), 2)
    new = np.tanh(z[2 * units :] + (reset * h) @ u[:, 2 * units :])
    return (update * h + (1 - update) * new,)


def leaky(x, states, w, tau):
    tau = 1 + np.log1p(np.exp(w["rho"])) if "rho" in w else np.array(tau)
    return ((1 - 1 / tau) * states[0] + elman(x, states, w)[0] / tau,)


def delayed(x, states, w, delay):
    """The second state holds h_{t-1}, h_{t-2}, … as they come; here a list of vectors."""
    h, past = states
    units = len(h)
    before = [h, *np.split(past, delay - 1)]
    u, u_far = np.split(w["recurrent_kernel"], 2)
    new = np.tanh(x @ w["kernel"] + before[0] @ u + before[delay - 1] @ u_far + w["bias"])
    return new, np.concatenate(before[: delay - 1]).reshape(units * (delay - 1))


def structured(x, states, w, context, alpha=0.95):
    k, s = states[0][:-context], states[0][-context:]
    alpha = sigmoid(w["beta"]) if "beta" in w else alpha
    s = (1 - alpha) * (x @ w["context_kernel"]) + alpha * s
    k = sigmoid(s @ w["mixing_kernel"] + x @ w["kernel"] + k @ w["recurrent_kernel"] + w["bias"])
    return (np.concatenate([k, s]),)


def output_recurrent(x, states, w):
    h = np.tanh(x @ w["kernel"] + softmax(states[0]) @ w["recurrent_kernel"] + w["bias"])
    return (h @ w["output_kernel"] + w["output_bias"],)


def unbounded(x, states, w):
    (h,), units = states, len(states[0])
    z, u = x @ w["kernel"] + w["bias"], w["recurrent_kernel"]
    o, i, f = np.split(sigmoid(z[: 3 * units] + h @ u[:, : 3 * units]), 3)
    return (f * h + i * np.tanh(z[3 * units :] + (o * h) @ u[:, 3 * units :]),)


def lstm_variant(x, states, w, without="", g_of=np.tanh, h_of=np.tanh):
    """`without`: letters of the gates that are left out; "c" couples f to i, "p" has no peepholes."""
    h, c, *gates = states
    letters = [k for k in "ifgo" if k not in without and not (k == "f" and "c" in without)]
    columns = np.split(w["kernel"], len(letters), axis=1)
    rows = np.split(w["recurrent_kernel"], len(letters), axis=1)
    biases = np.split(w["bias"], len(letters))
    a = {k: x @ m + h @ u + b for k, m, u, b in zip(letters, columns, rows, biases, strict=True)}
    if gates:
        for k, more in zip(
            "ifo", np.split(np.concatenate(gates) @ w["gate_kernel"], 3), strict=True
        ):
            a[k] = a[k] + more
    peep = {
        k: w.get(f"peephole_{n}", 0)
        for k, n in zip("ifo", ("input", "forget", "output"), strict=True)
    }
    i = sigmoid(a["i"] + peep["i"] * c) if "i" in a else 1.0
    f = 1 - i if "c" in without else sigmoid(a["f"] + peep["f"] * c) if "f" in a else 1.0
    c = f * c + i * g_of(a["g"])
    o = sigmoid(a["o"] + peep["o"] * c) if "o" in a else 1.0
    h = o * h_of(c)
    h = h @ w["projection"] if "projection" in w else h
    return (h, c, i, f, o) if gates else (h, c)


def unroll(step, x, widths, weights, mask=None, zoneout=(), **options):
    """Outputs (B, T, width) and final states of a step at inference; `zoneout`, a rate for each state."""
    weights = {name: np.asarray(w, "float64") for name, w in weights.items()}
    rates = zoneout or (0.0,) * len(widths)
    outputs = np.zeros((*x.shape[:2], widths[0]))
    final = [np.zeros((len(x), width)) for width in widths]
    for k in range(len(x)):
        states = tuple(np.zeros(width) for width in widths)
        for t in range(x.shape[1]):
            if mask is None or mask[k, t]:
                new = step(x[k, t], states, weights, **options)
                trios = zip(rates, states, new, strict=True)
                states = tuple(rate * old + (1 - rate) * n for rate, old, n in trios)
            outputs[k, t] = states[0]
        for state, value in zip(final, states, strict=True):
            state[k] = value
    return outputs, final


def time_delay(x, kernel, bias, frames):
    """Every output (T, H) from the window itself, inputs before the first being 0."""
    windows = np.split(np.asarray(kernel, "float64"), frames, axis=1)
    padded = np.concatenate([np.zeros((frames - 1, x.shape[1])), x])
    sums = [
        sum(padded[t + frames - 1 - k] @ windows[k] for k in range(frames)) for t in range(len(x))
    ]
    return np.tanh(np.array(sums) + bias)
