"""The gate-form loops on JAX: compiled with whatever `jax.jit` stands around them."""

import sys
from dataclasses import replace

import jax
import keras
from jax import lax

from kerasrnn.recurrence import cudnn, gateform
from kerasrnn.recurrence.problem import Operands, Problem, Stream

_SELF = sys.modules[__name__]
UNROLLED = 4  # steps in a turn of XLA's loop on a GPU, where a turn costs kernels of its own


def in_one_program() -> bool:
    """Whether XLA compiles what is made now, all as one program."""
    return True


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
    unroll = UNROLLED if cudnn.gpu() else 1
    return lax.scan(run, tuple(carry), (steps, whole), reverse=reverse, unroll=unroll)


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


class _Kernels:
    """What `gateform` asks of a backend, each loop one kernel.

    Args:
        brief: of a step's outputs the first is all that is wanted; None stands for the others.
    """

    vjp = staticmethod(vjp)

    def __init__(self, brief: bool = False):
        self.brief = brief

    def scan(self, body, carry, streams: dict, widths, reverse: bool, window=None):
        from kerasrnn.recurrence import jax_kernel

        def wanted(carry, step):
            carry, outputs = body(carry, step)
            return carry, outputs[:1] if self.brief else outputs

        streams = {name: Stream(*stream) for name, stream in streams.items()}
        arrays = {name: (_time_major(stream), stream.pieces) for name, stream in streams.items()}
        last, outputs = jax_kernel.scan(wanted, tuple(carry), arrays, reverse)
        return last, (*outputs, *[None] * (len(widths) - len(outputs)))


def run(problem: Problem, operands: Operands, route: str, training: bool):
    """Return the first state after each step (B, T, H) and the final states (B, H).

    `training` changes nothing: what stands around decides.
    """
    problem = replace(problem, fronts=1)
    loops, brief = (_Kernels(), _Kernels(brief=True)) if route == "kernel" else (_SELF, _SELF)

    @jax.custom_vjp
    def loop(tensors):
        operands = Operands.unflat(problem, tensors)
        final, states, _ = gateform.forward(brief, problem, operands)
        return states[0], tuple(final)

    def forward(tensors):
        operands = Operands.unflat(problem, tensors)
        final, states, saved = gateform.forward(loops, problem, operands)
        return (states[0], tuple(final)), (tensors, (final, states, saved))

    def backward(kept, upstream):
        tensors, results = kept
        operands = Operands.unflat(problem, tensors)
        found, rest = gateform.backward(loops, problem, operands, results, *upstream)
        d_z = gateform.pack(problem.apart(found)[0])
        d_kernel = gateform.kernel_gradient(problem, operands, results[1], found)
        return ((d_z, d_kernel, *rest),)

    loop.defvjp(forward, backward)
    outputs, final = loop(tuple(operands.projected().flat()))
    return outputs, list(final)
