"""Noise on the weights while a gradient is found: a network that must bear it knows less by heart."""

from contextlib import contextmanager

import keras
import tensorflow as tf


@contextmanager
def noisy_weights(model: keras.Model, deviation: float):
    """Inside, every trainable weight w is w + n, n ~ N(0, σ²); afterwards n is taken off again.

        w ← w - η ∂L/∂w (w + n)

    The noise depends on the optimizer's step alone, so that a training that goes on draws what it would have
    drawn, and so do processes that train one model.

    Args:
        deviation: σ; 0 changes nothing.
    Source: Graves 2013, arXiv:1303.5778, section 3.1, after Jim et al. 1996 and Hinton & van Camp 1993.
    """
    weights = model.trainable_variables if deviation else []
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    noise = []
    for number, weight in enumerate(weights):
        seed = tf.stack([number, tf.cast(optimizer.iterations, tf.int32)])
        drawn = tf.random.stateless_normal(weight.shape, seed, stddev=deviation, alg="philox")
        noise.append(tf.cast(drawn, weight.dtype))
        weight.assign_add(noise[-1])
    yield
    for weight, drawn in zip(weights, noise, strict=True):
        weight.assign_sub(drawn)
