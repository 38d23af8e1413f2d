"""The gate-form loops on TensorFlow: each its own XLA cluster, whatever stands around it."""

import sys

import tensorflow as tf

from kerasrnn.recurrence import gateform

_SELF = sys.modules[__name__]


def scan(body, carry, streams: dict, widths, reverse: bool, window=None):
    """`carry, outputs = body(carry, step)` for every t.

    Args:
        body: takes the carry (a tuple) and a dict of lists: each stream's pieces at t; returns the
            next carry and a tuple of outputs (B, width).
        streams: name → ((T, B, width), number of pieces along the last axis). XLA writes vector
            code for a piece read by itself, and scalar code for the slices of a wider read.
        widths: of the outputs.
        reverse: from the last t to the first; outputs keep their place in time.
        window: (first, count) the t that are run, scalars; None runs all. Outputs of others are 0.
    Returns:
        The last carry, and the outputs stacked to (T, B, width).
    """
    like = next(iter(streams.values()))[0]
    steps = tf.shape(like)[0] if like.shape[0] is None else like.shape[0]
    first, count = (0, steps) if window is None else window
    outputs = tuple(
        tf.TensorArray(carry[0].dtype, steps, element_shape=(*carry[0].shape[:-1], width))
        for width in widths
    )

    def run(index, carry, outputs):
        t = first + count - 1 - index if reverse else first + index
        step = {name: _read(x, t, pieces) for name, (x, pieces) in streams.items()}
        carry, values = body(carry, step)
        written = tuple(o.write(t, v) for o, v in zip(outputs, values, strict=True))
        return index + 1, tuple(carry), written

    _, carry, outputs = tf.while_loop(
        lambda index, *_: index < count,
        run,
        (tf.constant(0), tuple(carry), outputs),
        maximum_iterations=steps,
    )
    return carry, [o.stack() for o in outputs]


def _read(stream, t, pieces: int) -> list:
    width = stream.shape[-1] // pieces
    middle = tf.shape(stream)[1:-1]
    size = tf.concat([[1], middle, [width]], axis=0)
    zeros = [0] * (len(stream.shape) - 2)
    parts = [tf.slice(stream, tf.stack([t, *zeros, k * width]), size) for k in range(pieces)]
    return [tf.ensure_shape(part[0], (*stream.shape[1:-1], width)) for part in parts]


def vjp(function, arguments, cotangents, weights) -> list:
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
    """The loops of one problem as TensorFlow functions, and the gradients that join them."""

    def __init__(self, problem: gateform.Problem, jit: bool):
        self.problem = problem
        options = {"jit_compile": jit or None, "reduce_retracing": True, "autograph": False}
        self.infer = tf.function(lambda *arguments: self._forward(*arguments)[:-1], **options)
        self.train = tf.function(self._forward, **options)
        self.back = tf.function(self._backward, **options)

    def _forward(self, tensors, window):
        operands = gateform.Operands.unflat(self.problem, tensors)
        final, states, saved = gateform.forward(_SELF, self.problem, operands, window)
        return states[0], final, (states[1:], saved)

    def _backward(self, tensors, window, results, d_outputs, d_final):
        operands = gateform.Operands.unflat(self.problem, tensors)
        outputs, final, (others, saved) = results
        results = final, (outputs, *others), saved
        upstream = d_outputs, d_final
        gradients = gateform.backward(_SELF, self.problem, operands, results, *upstream, window)
        return [g for g in gradients if g is not None]

    def __call__(self, tensors, window, training: bool):
        """First state after each step and final states; in training, keep what the gradient needs.

        Otherwise a gradient is still right, and costs a second forward loop.
        """

        @tf.custom_gradient
        def call(*tensors):
            forward = self.train if training else self.infer
            results = forward(_detached(tensors), window)

            def gradient(*upstream):
                kept = results if training else self.train(_detached(tensors), window)
                found = iter(self._first(tensors, window, kept, upstream))
                return [next(found) if x.dtype.is_floating else None for x in self._free(tensors)]

            return (results[0], *results[1]), gradient

        return call(*tensors)

    def _free(self, tensors) -> list:
        """`tensors`, with a stand-in of no gradient for the dropout masks."""
        operands = gateform.Operands.unflat(self.problem, tensors)
        operands.masks = tuple(tf.zeros((), tf.bool) for _ in operands.masks)
        return operands.flat()

    def _first(self, tensors, window, kept, upstream):
        """The first gradient, fast; its own gradient goes through the plain scan."""
        size = len(tensors)

        @tf.custom_gradient
        def first(*arguments):
            d_outputs, *d_final = _detached(arguments[size:])
            value = self.back(_detached(arguments[:size]), window, kept, d_outputs, tuple(d_final))
            return value, lambda *d: self._second(arguments, size, window, d)

        return first(*tensors, *upstream)

    def _second(self, arguments, size: int, window, d_gradients):
        free = [x for x in self._free(arguments[:size]) if x.dtype.is_floating]
        with tf.GradientTape() as outer:
            outer.watch(arguments)
            with tf.GradientTape() as inner:
                inner.watch(free)
                outputs, final, _ = self._forward(arguments[:size], window)
            gradients = inner.gradient(
                (outputs, *final),
                free,
                output_gradients=list(arguments[size:]),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        floating = [x for x in arguments if x.dtype.is_floating]
        found = iter(outer.gradient(gradients, floating, output_gradients=list(d_gradients)))
        return [next(found) if x.dtype.is_floating else None for x in arguments]


def _detached(tensors) -> tuple:
    """Keep a tape from looking into compiled loops whose gradient is our own."""
    return tuple(map(tf.stop_gradient, tensors))


class _Compiled(dict):
    """Compiled functions of one cell; a copy of the cell starts without them."""

    def __deepcopy__(self, memo):
        return type(self)()

    def __reduce__(self):
        return type(self), ()


def bucket(steps):
    """The length that `steps` is padded to: four lengths for each power of two."""
    powers = tf.constant([2**k for k in range(3, 31)])
    grain = tf.bitwise.left_shift(1, tf.reduce_sum(tf.cast(powers <= steps, tf.int32)))
    return (steps + grain - 1) // grain * grain


def run(problem: gateform.Problem, operands: gateform.Operands, jit: bool, training: bool):
    """Return the first state after each step (T, B, H) and the final states (B, H).

    Args:
        jit: each loop is an XLA cluster of its own; inside a compiled model it joins that. Where T
            is not fixed, it is padded to a `bucket` (the loop runs T steps all the same), so that
            the compiler sees a bounded number of lengths.
        training: a gradient is likely.
    """
    functions = problem.cell.__dict__.setdefault("_compiled_loops", _Compiled())
    key = (problem.key, jit)
    if key not in functions:
        functions[key] = _Loops(problem, jit)
    tensors = [tf.convert_to_tensor(x) for x in operands.flat()]
    steps = tensors[0].shape[0]
    if not jit or (steps is not None and not tf.executing_eagerly()):
        outputs, *final = functions[key](tensors, None, training)
        return outputs, final
    return _run_padded(functions[key], problem, tensors, training)


def _run_padded(loops, problem, tensors, training: bool):
    operands = gateform.Operands.unflat(problem, tensors)
    steps = tf.shape(operands.z)[0]
    extra = bucket(steps) - steps
    first = extra if problem.reverse else 0  # the first step to run stays at an end

    def pad(x):
        ends = [[first, extra - first], *([0, 0] for _ in x.shape[1:])]
        return tf.ensure_shape(tf.pad(x, ends), (None, *x.shape[1:]))

    operands.z, operands.keep = pad(operands.z), tuple(map(pad, operands.keep))
    outputs, *final = loops(operands.flat(), (tf.convert_to_tensor(first), steps), training)
    return outputs[first : first + steps], final
