"""The gate-form loops on TensorFlow: each its own XLA cluster, whatever stands around it."""

import sys

import tensorflow as tf

from kerasrnn.recurrence import gateform

_SELF = sys.modules[__name__]


def scan(body, carry, streams, widths, reverse: bool):
    """`carry, out = body(carry, streams[t])` for every t.

    Args:
        body: takes the carry (a tuple) and a structure like `streams` without the time axis;
            returns the next carry and a tuple of outputs (B, width).
        streams: a structure of (T, B, …).
        widths: of the outputs.
        reverse: from t = T - 1 to 0; outputs keep their place in time.
    Returns:
        The last carry, and the outputs stacked to (T, B, width).
    """
    first = tf.nest.flatten(streams)[0]
    steps = tf.shape(first)[0]
    arrays = tf.nest.map_structure(
        lambda x: tf.TensorArray(x.dtype, steps, element_shape=x.shape[1:]).unstack(x), streams
    )
    batch = first.shape[1]
    outputs = tuple(
        tf.TensorArray(carry[0].dtype, steps, element_shape=(batch, width)) for width in widths
    )

    def run(index, carry, outputs):
        t = steps - 1 - index if reverse else index
        step = tf.nest.map_structure(lambda array: array.read(t), arrays)
        carry, values = body(carry, step)
        written = tuple(o.write(t, v) for o, v in zip(outputs, values, strict=True))
        return index + 1, tuple(carry), written

    _, carry, outputs = tf.while_loop(
        lambda index, *_: index < steps,
        run,
        (tf.constant(0), tuple(carry), outputs),
        maximum_iterations=steps,
    )
    return carry, [o.stack() for o in outputs]


def vjp(function, arguments, cotangents, weights):
    """Gradients of `function(*arguments)` with respect to its arguments and `weights`."""
    values = [w.value for w in weights]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([*arguments, *values])
        results = function(*arguments)
    return tape.gradient(
        results,
        [*arguments, *values],
        output_gradients=list(cotangents),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )


def _differentiable(problem: gateform.Problem):
    @tf.custom_gradient
    def loop(*tensors):
        operands = gateform.Operands.unflat(problem, tensors)
        results = gateform.forward(_SELF, problem, operands)
        final, states, _ = results

        def gradient(d_outputs, *d_final):
            return gateform.backward(_SELF, problem, operands, results, d_outputs, d_final)

        return (states[0], *final), gradient

    return loop


class _Compiled(dict):
    """Compiled functions of one cell; a copy of the cell starts without them."""

    def __deepcopy__(self, memo):
        return type(self)()

    def __reduce__(self):
        return type(self), ()


def run(problem: gateform.Problem, operands: gateform.Operands, jit: bool):
    """Return the first state after each step (T, B, H) and the final states (B, H).

    Args:
        jit: each loop is an XLA cluster of its own; inside a compiled model it joins that.
    """
    functions = problem.cell.__dict__.setdefault("_compiled_loops", _Compiled())
    key = (problem.key, jit)
    if key not in functions:
        functions[key] = tf.function(
            _differentiable(problem), jit_compile=jit or None, reduce_retracing=True
        )
    outputs, *final = functions[key](*map(tf.convert_to_tensor, operands.flat()))
    return outputs, final
