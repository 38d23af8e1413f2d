"""The running mean of the weights, which an optimizer keeps beside them (Keras' `use_ema`)."""

from contextlib import contextmanager

import keras
from keras import ops


def has_average(model: keras.Model) -> bool:
    """Whether the optimizer keeps a mean, and has begun to."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return optimizer.use_ema and optimizer.built and int(optimizer.iterations) > 0


@contextmanager
def averaged(model: keras.Model):
    """Inside, `model` has the mean of its weights, if there is one; afterwards its own, bit for bit."""
    if not has_average(model):
        yield
        return
    own = [ops.copy(v.value) for v in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, own, strict=True):
            variable.assign(value)
