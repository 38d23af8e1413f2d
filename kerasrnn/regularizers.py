"""Penalties on what recurrent layers do over time.

Penalties on weights are Keras' own: `kernel_regularizer="l2"`, `recurrent_regularizer`, … of a cell.
"""

import keras
from keras import ops


def lengths(vectors):
    """‖v‖₂ along the last axis, with gradient 0 where v is 0."""
    squares = ops.sum(vectors * vectors, axis=-1)
    there = squares > 0
    return ops.where(there, ops.sqrt(ops.where(there, squares, 1)), 0)


@keras.saving.register_keras_serializable(package="kerasrnn")
class NormStabilizer(keras.regularizers.Regularizer):
    """Keeps the state as long as it was (slides: "activation stabilisation").

        Ω = β · mean_t (‖h_t‖₂ - ‖h_{t-1}‖₂)²                    (1)

    the mean over all steps that no mask leaves out, of all sequences. For the
    `state_regularizer` of a layer of `kerasrnn.layers`, which says h_0 and the mask.

    Args:
        beta: β; the paper's best lie between 50 (LSTM, speech) and 500 (IRNN, characters).
    Call arguments:
        states: h_1 … h_T (B, T, H) in the order in which they came to be.
        start: h_0 (B, H).
        mask: bool (B, T), False where a step left the state as it was; or None.
    Raises:
        ValueError: if `beta` is negative.
    Source: Krueger & Memisevic 2015, arXiv:1511.08400, eq. 1.
    """

    def __init__(self, beta: float = 50.0):
        if beta < 0:
            raise ValueError(f"`beta` must be at least 0, got {beta}.")
        self.beta = beta

    def __call__(self, states, start, mask=None):
        norms = lengths(ops.concatenate([ops.cast(start, states.dtype)[:, None], states], axis=1))
        changes = (norms[:, 1:] - norms[:, :-1]) ** 2  # (B, T)
        if mask is None:
            return self.beta * ops.mean(changes)  # (1)
        counts = ops.cast(mask, states.dtype)
        return self.beta * ops.sum(changes * counts) / ops.maximum(ops.sum(counts), 1)  # (1)

    def get_config(self) -> dict:
        return {"beta": self.beta}
