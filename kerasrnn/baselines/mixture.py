"""Language models interpolated: how much of each."""

import numpy as np


def mixture_weights(log_probabilities, *, iterations: int = 200) -> np.ndarray:
    """The weights λ, at least 0 and of sum 1, with which a mixture predicts held-out text best.

        maximise  Σ_t ln Σ_k λ_k p_k(x_t)        by expectation maximisation, from equal weights:
        λ_k ← mean_t  λ_k p_k(x_t) / Σ_j λ_j p_j(x_t)

    Args:
        log_probabilities: ln p_k(x_t) of each model for each token of text that no model learnt, (K, N).
        iterations: of the update; the likelihood has one maximum and never falls.
    Returns:
        (K,).
    Source: Jelinek & Mercer 1980.
    """
    logs = np.asarray(log_probabilities, np.float64)
    chances = np.exp(logs - logs.max(axis=0))  # a factor of a column changes no share
    weights = np.full(len(chances), 1 / len(chances))
    for _ in range(iterations):
        shares = weights[:, None] * chances
        weights = (shares / shares.sum(axis=0)).mean(axis=1)
    return weights


def mixture(log_probabilities, weights) -> np.ndarray:
    """ln Σ_k λ_k p_k(x_t), (N,)."""
    logs = np.asarray(log_probabilities, np.float64)
    with np.errstate(divide="ignore"):
        return np.logaddexp.reduce(logs + np.log(weights)[:, None], axis=0)
