"""The gate-form loops on JAX: compiled with whatever `jax.jit` stands around them."""

import sys
from dataclasses import replace

import jax
import keras
from jax import lax

from kerasrnn.recurrence import gateform
from kerasrnn.recurrence.problem import Operands, Problem, Stream

_SELF = sys.modules[__name__]


def scan(body, carry, streams: dict, widths, reverse: bool, window=None):
    """`carry, outputs = body(carry, step)` for every t; see `kerasrnn.recurrence.tensorflow.scan`.

    `widths` is what the outputs have anyway, and `window` must be None: here T is always fixed.
    """
    streams = {name: Stream(*stream) for name, stream in streams.items()}
    like = next(iter(streams.values()))
    whole = {name: _time_major(stream) for name, stream in streams.items() if stream.pieces == 1}
    split = {name: stream for name, stream in streams.items() if stream.pieces > 1}

    def run(carry, step):
        t, step = step
        read = {name: [x] for name, x in step.items()}
        read.update({name: _read(stream, t) for name, stream in split.items()})
        return body(carry, read)

    steps = jax.numpy.arange(like.values.shape[like.axis])
    return lax.scan(run, tuple(carry), (steps, whole), reverse=reverse)


def _time_major(stream: Stream):
    """What `lax.scan` hands to the steps."""
    values = jax.numpy.moveaxis(stream.values, stream.axis, 0)
    if stream.start is None:
        return values
    return gateform.before(values, stream.start, stream.reverse)


def _read(stream: Stream, t) -> list:
    """The pieces of a time-major stream at `t`."""
    size = (1, *stream.values.shape[1:-1], stream.width)
    zeros = (0,) * (stream.values.ndim - 2)
    corners = [(t, *zeros, piece * stream.width) for piece in range(stream.pieces)]
    return [lax.dynamic_slice(stream.values, corner, size)[0] for corner in corners]


def vjp(function, arguments, cotangents, weights) -> list:
    """Gradients of `function(*arguments)` with respect to its arguments and `weights`."""

    def explicit(arguments, values):
        with keras.StatelessScope(list(zip(weights, values, strict=True))):
            return tuple(function(*arguments))

    _, back = jax.vjp(explicit, tuple(arguments), [w.value for w in weights])
    d_arguments, d_weights = back(tuple(cotangents))
    return [*d_arguments, *d_weights]


def run(problem: Problem, operands: Operands, jit: bool, training: bool):
    """Return the first state after each step (B, T, H) and the final states (B, H).

    `jit` and `training` change nothing: what stands around decides both.
    """
    problem = replace(problem, fronts=1)

    @jax.custom_vjp
    def loop(tensors):
        return forward(tensors)[0]

    def forward(tensors):
        operands = Operands.unflat(problem, tensors)
        final, states, saved = gateform.forward(_SELF, problem, operands)
        return (states[0], tuple(final)), (tensors, (final, states, saved))

    def backward(kept, upstream):
        tensors, results = kept
        operands = Operands.unflat(problem, tensors)
        found, recalled, rest = gateform.backward(_SELF, problem, operands, results, *upstream)
        d_z = gateform.pack(problem.apart(found)[0])
        d_kernel = gateform.kernel_gradient(problem, operands, found, recalled)
        return ((d_z, d_kernel, *rest),)

    loop.defvjp(forward, backward)
    outputs, final = loop(tuple(operands.projected().flat()))
    return outputs, list(final)
