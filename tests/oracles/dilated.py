"""Causal convolution and the gated residual block, sample by sample in NumPy float64."""

import numpy as np


def causal(x, kernel, bias, size: int, dilation: int) -> np.ndarray:
    """y_t = b + Σ_k x_{t-kd} W_k; kernel ((size) D, C) holds W_{size-1} … W_0."""
    steps, features = x.shape
    w = kernel.reshape(size, features, -1)[::-1]
    y = np.zeros((steps, w.shape[-1])) + (0 if bias is None else bias)
    for t in range(steps):
        for k in range(size):
            if t - k * dilation >= 0:
                y[t] += x[t - k * dilation] @ w[k]
    return y


def gated(x, condition, weights, size: int, dilation: int, last: bool):
    """(residual, skip) of x (T, R) and y (T, Y) or None."""
    kernel, bias, out, out_bias, *v = weights
    channels = x.shape[1]
    both = causal(x, kernel, bias, size, dilation)
    if v:
        both += condition @ v[0]
    z = np.tanh(both[:, :channels]) / (1 + np.exp(-both[:, channels:]))
    answer = z @ out + out_bias
    return (x, answer) if last else (x + answer[:, :channels], answer[:, channels:])
