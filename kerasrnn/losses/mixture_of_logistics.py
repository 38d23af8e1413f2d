"""A mixture of logistic distributions over the codes of a sample: 3 K numbers say what 256 would."""

import keras
from keras import ops

from kerasrnn.layers.companding import LEVELS, code_values

LEAST_LOG_SCALE = -7.0  # ln s; at 256 levels a step is 8.6 s then


def log_probability(parameters, codes, levels: int = LEVELS):
    """ln p of codes under a mixture of K logistics that is cut at the steps between them.

        p(v) = Σ_i π_i (σ((v + δ/2 - μ_i) / s_i) - σ((v - δ/2 - μ_i) / s_i))                 (1)

    v is a code as a number from -1 to 1, δ = 2 / (levels - 1); the lowest code has all that is below it, the
    highest all above, so all codes together have 1. With a and b for the two arguments of (1),

        σ(a) - σ(b) = σ(a) σ(-b) (1 - e^(b-a))                                                (2)

    whose logarithm loses nothing in the tails, and needs no case for them.

    Args:
        parameters: (…, 3 K): π's logits, μ, ln s.
        codes: int (…), 0 … levels-1.
    Returns:
        float32 (…).
    Source: Salimans et al. 2017, arXiv:1701.05517, section 2.1, with (2) in place of its cases; for sound, van
    den Oord et al. 2017, arXiv:1711.10433, section 2.1.
    """
    shares, means, scales = ops.split(ops.cast(parameters, "float32"), 3, axis=-1)
    scales = ops.maximum(scales, LEAST_LOG_SCALE)
    values, half = code_values(codes, levels)[..., None], 1 / (levels - 1)
    a, b = (ops.exp(-scales) * (values + side - means) for side in (half, -half))
    codes = ops.cast(codes, "int32")[..., None]
    upper = ops.where(codes == levels - 1, 0.0, ops.log_sigmoid(a))
    lower = ops.where(codes == 0, 0.0, ops.log_sigmoid(-b))
    inner = ops.logical_and(codes > 0, codes < levels - 1)
    between = ops.where(inner, ops.log(-ops.expm1(-2 * half * ops.exp(-scales))), 0.0)  # (2)
    return ops.logsumexp(ops.log_softmax(shares) + upper + lower + between, axis=-1)  # (1)


def code_log_probabilities(parameters, levels: int = LEVELS):
    """ln p of every code: (…, 3 K) → (…, levels)."""
    return log_probability(parameters[..., None, :], ops.arange(levels), levels)


@keras.saving.register_keras_serializable(package="kerasrnn")
class MixtureOfLogistics(keras.losses.Loss):
    """-ln p in nats of codes (B, T) under parameters (B, T, 3 K): `log_probability`.

    Args:
        levels: of a code.
    """

    def __init__(self, levels: int = LEVELS, name: str = "mixture_of_logistics", **kwargs):
        super().__init__(name=name, **kwargs)
        self.levels = levels

    def call(self, y_true, y_pred):
        return -log_probability(y_pred, y_true, self.levels)

    def get_config(self) -> dict:
        return {**super().get_config(), "levels": self.levels}
