"""Attention over places in NumPy float64, one row and one step after the other."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm(z, h, c):
    i, f, g, o = np.split(z, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def distribution(h, x, keys, weights):
    """α (L,) for a state (H,), an input (E,), keys (L, A)."""
    asked = x @ weights["input_query"] if "input_query" in weights else 0
    energies = np.tanh(keys + h @ weights["query"] + asked) @ weights["energy"][:, 0]
    powers = np.exp(energies - energies.max())
    return powers / powers.sum()


def attend(x, annotations, keys, weights, h, c, choose, valid=None):
    """One row through an LSTM that attends.

    Args:
        x: (T, E). annotations: (L, D). keys: (L, A).
        weights: kernel, recurrent_kernel, bias, query, energy, gate_kernel, gate_bias.
        choose: (t, α) -> what weighs the places, (L,).
        valid: bool (T,).
    Returns:
        h (T, H), ẑ (T, D), α (T, L), and the last h, c and sum of α.
    """
    outputs, contexts, alphas = [], [], []
    attended = np.zeros(len(annotations))
    context = np.zeros(annotations.shape[1])
    for t in range(len(x)):
        alpha = distribution(h, x[t], keys, weights)
        gate = sigmoid(h @ weights["gate_kernel"][:, 0] + weights["gate_bias"][0])
        context = gate * (choose(t, alpha) @ annotations)
        if valid is None or valid[t]:
            z = np.concatenate([x[t], context]) @ weights["kernel"] + weights["bias"]
            h, c = lstm(z + h @ weights["recurrent_kernel"], h, c)
            attended = attended + alpha
        outputs.append(h)
        contexts.append(context)
        alphas.append(alpha if valid is None or valid[t] else np.zeros_like(alpha))
    return np.array(outputs), np.array(contexts), np.array(alphas), (h, c, attended)
