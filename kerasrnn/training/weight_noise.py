"""Noise on the weights while a gradient is found: a network that must bear it knows less by heart."""

from contextlib import contextmanager

import keras
import tensorflow as tf


@contextmanager
def noisy_weights(model: keras.Model, deviation: float, seed: int = 0):
    """Inside, until the optimizer applies a gradient, every trainable weight w is w + n, n ~ N(0, σ²).

        w ← w - η ∂L/∂w (w + n)

    Decay, constraints and running means see w alone. The noise depends on the seed and the number of updates
    before, so that a training that goes on draws what it would have drawn, and so do processes that train one
    model; batches of one update share it. XLA draws other numbers.

    Args:
        deviation: σ; 0 changes nothing.
    Source: Graves 2013, arXiv:1303.5778, section 3.1, after Jim et al. 1996 and Hinton & van Camp 1993.
    """
    if not deviation:
        yield
        return
    weights, optimizer = model.trainable_variables, model.optimizer
    updates = getattr(optimizer, "inner_optimizer", optimizer).iterations
    own = [tf.identity(weight.value) for weight in weights]
    for number, (weight, value) in enumerate(zip(weights, own, strict=True)):
        place = tf.stack([seed * len(weights) + number, tf.cast(updates, tf.int64)])
        noise = tf.random.stateless_normal(weight.shape, place, stddev=deviation, alg="philox")
        weight.assign(value + tf.cast(noise, value.dtype))
    apply = optimizer.apply

    def applied(*arguments, **named):
        for weight, value in zip(weights, own, strict=True):
            weight.assign(value)
        return apply(*arguments, **named)

    optimizer.apply = applied
    try:
        yield
    finally:
        optimizer.apply = apply
