"""A function of tensors as one XLA program of its own, whatever stands around it."""

import functools
import importlib

import keras
from keras import ops

from kerasrnn.recurrence import engine

POWERS = tuple(2**k for k in range(3, 31))


def compiles() -> bool:
    """Whether `one_program` compiles: on TensorFlow, unless the graph leaves this process."""
    return keras.backend.backend() == "tensorflow" and not engine.is_portable()


def one_program(function):
    """`function`, of tensors and plain numbers, compiled apart where `compiles()`; itself elsewhere.

    JAX compiles it with what stands around it. It has no gradient through its inside: detach what goes in.
    XLA compiles once for each shape: see `bucket`.
    """
    return _compiled(function) if compiles() else function


@functools.cache
def _compiled(function):
    tensorflow = importlib.import_module("tensorflow")
    return tensorflow.function(function, jit_compile=True, reduce_retracing=True, autograph=False)


def bucket(size):
    """`size` rounded up to one of four sizes for each power of two, so that few shapes are compiled.

    Args:
        size: an int, or an integer scalar tensor.
    """
    grain = 2 ** sum(power <= size for power in POWERS) if isinstance(size, int) else None
    if grain is None:
        below = ops.sum(ops.cast(ops.convert_to_tensor(POWERS) <= size, "int32"))
        grain = ops.left_shift(ops.ones_like(below), below)
    return (size + grain - 1) // grain * grain
