"""The gate-form loops on TensorFlow: each its own XLA cluster, whatever stands around it."""

import sys

import tensorflow as tf

from kerasrnn.recurrence import gateform

_SELF = sys.modules[__name__]


def scan(body, carry, streams: dict, widths, reverse: bool):
    """`carry, outputs = body(carry, step)` for every t.

    Args:
        body: takes the carry (a tuple) and a dict of lists: each stream's pieces at t; returns the
            next carry and a tuple of outputs (B, width).
        streams: name → ((T, B, width), number of pieces along the last axis). XLA writes vector
            code for a piece read by itself, and scalar code for the slices of a wider read.
        widths: of the outputs.
        reverse: from t = T - 1 to 0; outputs keep their place in time.
    Returns:
        The last carry, and the outputs stacked to (T, B, width).
    """
    first = next(iter(streams.values()))[0]
    steps = tf.shape(first)[0] if first.shape[0] is None else first.shape[0]
    outputs = tuple(
        tf.TensorArray(carry[0].dtype, steps, element_shape=(first.shape[1], width))
        for width in widths
    )

    def run(index, carry, outputs):
        t = steps - 1 - index if reverse else index
        step = {name: _read(x, t, pieces) for name, (x, pieces) in streams.items()}
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


def _read(stream, t, pieces: int) -> list:
    width = stream.shape[-1] // pieces
    batch = tf.shape(stream)[1]
    starts = [tf.stack([t, 0, k * width]) for k in range(pieces)]
    parts = [tf.slice(stream, start, tf.stack([1, batch, width])) for start in starts]
    return [tf.ensure_shape(part[0], (stream.shape[1], width)) for part in parts]


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


class _Loops:
    """The loops of one problem as TensorFlow functions, and the gradient that joins them."""

    def __init__(self, problem: gateform.Problem, jit: bool):
        self.problem = problem
        options = {"jit_compile": jit or None, "reduce_retracing": True, "autograph": False}
        self.infer = tf.function(lambda *tensors: self._forward(tensors)[:-1], **options)
        self.train = tf.function(lambda *tensors: self._forward(tensors), **options)
        self.back = tf.function(self._backward, **options)

    def _forward(self, tensors):
        operands = gateform.Operands.unflat(self.problem, tensors)
        final, states, saved = gateform.forward(_SELF, self.problem, operands)
        return states[0], final, (states[1:], saved)

    def _backward(self, tensors, results, d_outputs, d_final):
        operands = gateform.Operands.unflat(self.problem, tensors)
        outputs, final, (others, saved) = results
        results = final, (outputs, *others), saved
        return gateform.backward(_SELF, self.problem, operands, results, d_outputs, d_final)

    def __call__(self, tensors, training: bool):
        """First state after each step and final states; in training, keep what the gradient needs.

        Otherwise a gradient is still right, and costs a second forward loop.
        """

        @tf.custom_gradient
        def call(*tensors):
            results = self.train(*tensors) if training else self.infer(*tensors)

            def gradient(d_outputs, *d_final):
                kept = results if training else self.train(*tensors)
                return self.back(tensors, kept, d_outputs, d_final)

            return (results[0], *results[1]), gradient

        return call(*tensors)


class _Compiled(dict):
    """Compiled functions of one cell; a copy of the cell starts without them."""

    def __deepcopy__(self, memo):
        return type(self)()

    def __reduce__(self):
        return type(self), ()


def run(problem: gateform.Problem, operands: gateform.Operands, jit: bool, training: bool):
    """Return the first state after each step (T, B, H) and the final states (B, H).

    Args:
        jit: each loop is an XLA cluster of its own; inside a compiled model it joins that.
        training: a gradient is likely.
    """
    functions = problem.cell.__dict__.setdefault("_compiled_loops", _Compiled())
    key = (problem.key, jit)
    if key not in functions:
        functions[key] = _Loops(problem, jit)
    tensors = [tf.convert_to_tensor(x) for x in operands.flat()]
    outputs, *final = functions[key](tensors, training)
    return outputs, final
