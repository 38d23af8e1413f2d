"""µ-law companding: loud sounds in coarse steps, soft ones in fine steps, as the ear hears them."""

import math

from keras import ops

LEVELS = 256  # µ + 1


def mu_law(x, mu: int = LEVELS - 1):
    """Companded samples: [-1, 1] → [-1, 1], steep around 0.

        f(x) = sign(x) ln(1 + µ |x|) / ln(1 + µ)                     (1)

    Args:
        x: any shape, floating; full scale ±1, what is beyond counts as ±1.
        mu: µ; 255 for 8 bits.
    Source: ITU-T G.711, without its straight segments. Deck 000, "WaveNet", prints the numerator as
        ln 1 + µ |x_t|, which lacks the parentheses around 1 + µ |x_t|: as printed, ln 1 is 0 and f(1) would be
        µ / ln(1 + µ) = 46.
    """
    x = ops.clip(x, -1, 1)
    return ops.sign(x) * ops.log1p(mu * ops.abs(x)) / math.log1p(mu)  # (1)


def mu_law_inverse(y, mu: int = LEVELS - 1):
    """Samples again: x with `mu_law(x)` = y, sign(y) ((1 + µ)^|y| - 1) / µ; |y| beyond 1 counts as 1."""
    y = ops.clip(y, -1, 1)
    return ops.sign(y) * ops.expm1(math.log1p(mu) * ops.abs(y)) / mu


def quantise(x, levels: int = LEVELS):
    """Samples (full scale ±1) as int32 codes 0 … levels-1, equal steps under `mu_law`; 0 is levels // 2."""
    steps = levels - 1
    return ops.cast(ops.floor((mu_law(x, steps) + 1) / 2 * steps + 0.5), "int32")


def dequantise(codes, levels: int = LEVELS):
    """Codes as samples, float32, each in the middle of what `quantise` makes of it."""
    return mu_law_inverse(code_values(codes, levels), levels - 1)


def code_values(codes, levels: int = LEVELS):
    """Codes as companded samples, float32 from -1 to 1 in equal steps."""
    return ops.cast(codes, "float32") * (2 / (levels - 1)) - 1


def silence(levels: int = LEVELS) -> int:
    """The code of 0."""
    return levels // 2
