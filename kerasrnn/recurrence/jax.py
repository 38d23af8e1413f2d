"""The gate-form loops on JAX: compiled with whatever `jax.jit` stands around them."""

import sys
from dataclasses import replace

import jax
import keras
from jax import lax

from kerasrnn.recurrence import gateform

_SELF = sys.modules[__name__]


def scan(body, carry, streams: dict, widths, reverse: bool, window=None):
    """`carry, outputs = body(carry, step)` for every t; see `kerasrnn.recurrence.tensorflow.scan`.

    `widths` is what the outputs have anyway, and `window` must be None: here T is always fixed.
    """
    steps = next(iter(streams.values()))[0].shape[0]
    whole = {name: x for name, (x, pieces) in streams.items() if pieces == 1}
    split = {name: stream for name, stream in streams.items() if stream[1] > 1}

    def run(carry, step):
        t, step = step
        read = {name: [x] for name, x in step.items()}
        read.update({name: _read(x, t, pieces) for name, (x, pieces) in split.items()})
        return body(carry, read)

    steps = jax.numpy.arange(steps)
    return lax.scan(run, tuple(carry), (steps, whole), reverse=reverse)


def _read(stream, t, pieces: int) -> list:
    width = stream.shape[-1] // pieces
    size = (1, *stream.shape[1:-1], width)
    zeros = (0,) * (stream.ndim - 2)
    return [lax.dynamic_slice(stream, (t, *zeros, k * width), size)[0] for k in range(pieces)]


def vjp(function, arguments, cotangents, weights) -> list:
    """Gradients of `function(*arguments)` with respect to its arguments and `weights`."""

    def explicit(arguments, values):
        with keras.StatelessScope(list(zip(weights, values, strict=True))):
            return tuple(function(*arguments))

    _, back = jax.vjp(explicit, tuple(arguments), [w.value for w in weights])
    d_arguments, d_weights = back(tuple(cotangents))
    return [*d_arguments, *d_weights]


def run(problem: gateform.Problem, operands: gateform.Operands, jit: bool, training: bool):
    """Return the first state after each step (B, T, H) and the final states (B, H).

    `jit` and `training` change nothing: what stands around decides both.
    """
    problem = replace(problem, fronts=1)

    @jax.custom_vjp
    def loop(tensors):
        return forward(tensors)[0]

    def forward(tensors):
        operands = gateform.Operands.unflat(problem, tensors)
        final, states, saved = gateform.forward(_SELF, problem, operands)
        return (states[0], tuple(final)), (tensors, (final, states, saved))

    def backward(kept, upstream):
        tensors, results = kept
        operands = gateform.Operands.unflat(problem, tensors)
        return (tuple(gateform.backward(_SELF, problem, operands, results, *upstream)),)

    loop.defvjp(forward, backward)
    outputs, final = loop(tuple(operands.projected().flat()))
    return jax.numpy.swapaxes(outputs, 0, 1), list(final)
