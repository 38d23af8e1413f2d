"""Perplexity: among how many equally likely tokens a model would be as much in doubt."""

import math

LARGEST = 88.0  # nats whose exponential float32 holds, as TensorBoard wants it


def perplexity(nats: float) -> float:
    """e^nats of nats a token; no more than e^88, so that a diverged model has a number."""
    return math.exp(min(nats, LARGEST))
