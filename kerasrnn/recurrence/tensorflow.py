"""The gate-form loops on TensorFlow: each its own XLA cluster, whatever stands around it."""

import os
import sys
from dataclasses import replace

import numpy as np
import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from kerasrnn.cores import allowed
from kerasrnn.recurrence import engine, gateform
from kerasrnn.recurrence.problem import Operands, Problem
from kerasrnn.recurrence.tensorflow_scan import scan

__all__ = ["in_one_program", "run", "scan", "vjp"]  # what a backend gives

# Of loops that run side by side, where they begin to pay: `python -m benchmarks.recurrence --parts sides`.
LEAST_ROWS = 8  # of the batch, for each
LEAST_PRODUCTS = 4_000_000  # multiplications by U, in all
MOST_WEIGHTS = 700_000  # of U
# Of x W, which a step makes for itself where all of it is slower to keep: `--parts inside`. Fewer rows at a
# time are multiplied too slowly.
LEAST_INSIDE, MOST_OUTSIDE = 32, 15_000_000
LEAST_NARROW, NARROW = 16, 0.5  # in training: where x has at most so many features for each unit
_SELF = sys.modules[__name__]


def cores() -> int:
    """How many loops may run at the same time: one a core, or a thread where TensorFlow was given fewer."""
    threads = tf.config.threading
    given = [threads.get_inter_op_parallelism_threads(), threads.get_intra_op_parallelism_threads()]
    given += [int(os.environ.get(f"TF_NUM_{kind}OP_THREADS") or 0) for kind in ("INTER", "INTRA")]
    return min(allowed(), *(number or allowed() for number in given))


def in_one_program() -> bool:
    """Whether XLA compiles what is made now, all as one program; TensorFlow has no public name for it."""
    return GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


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

    def __init__(self, problem: Problem, jit: bool):
        self.problem = problem
        options = {"jit_compile": jit or None, "reduce_retracing": True, "autograph": False}
        self.infer = tf.function(self._infer, **options)
        self.train = tf.function(self._forward, **options)
        self.back = tf.function(self._backward, **options)

    def _forward(self, tensors, window):
        """Outputs (B, T, H), final states, and what else the gradient needs."""
        operands = Operands.unflat(self.problem, tensors)
        final, states, saved = gateform.forward(_SELF, self.problem, operands, window)
        return states[0], tuple(final), (states[1:], saved)

    def _infer(self, tensors, window):
        """Outputs or None, and final states."""
        outputs, final, _ = self._forward(tensors, window)
        return (outputs if self.problem.sequences else None), final

    def _backward(self, tensors, window, outputs, kept, upstream):
        """What `gateform.backward` returns, but for what is None."""
        operands = Operands.unflat(self.problem, tensors)
        d_outputs, d_final = None, upstream
        if self.problem.sequences:
            d_outputs, d_final = upstream[0], upstream[1:]
        results = None, [outputs, *kept[0]], kept[1]
        found, rest = gateform.backward(
            _SELF, self.problem, operands, results, d_outputs, d_final, window
        )
        return found, [g for g in rest if g is not None]

    def __call__(self, tensors, window, training: bool):
        """Outputs or none, and final states; in training, keep what the gradient needs.

        Otherwise a gradient is still right, and costs a second forward loop.
        """

        @tf.custom_gradient
        def call(*tensors):
            forward = self.train if training else self.infer
            outputs, final, *kept = forward(_detached(tensors), window)

            def gradient(*upstream):
                again = () if kept else self.train(_detached(tensors), window)
                saved = (again[0], again[2]) if again else (outputs, kept[0])
                d_z, rest = self._first(tensors, window, saved, upstream)
                found = iter((*self._front(tensors, d_z), *rest))
                return [next(found) if x.dtype.is_floating else None for x in self._free(tensors)]

            return ((outputs,) if self.problem.sequences else ()) + tuple(final), gradient

        return call(*tensors)

    def _front(self, tensors, d_z) -> list:
        """Gradients of z, or of x, W and b; apart, so that what nobody wants is pruned."""
        if self.problem.fronts == 1:
            return [_joined(d_z)]
        x, kernel = tensors[:2]
        pieces = [tf.reshape(tf.cast(d, kernel.dtype), (-1, d.shape[-1])) for d in d_z]
        kernels = tf.split(kernel, [d.shape[-1] for d in pieces], axis=-1)
        flat_x = tf.reshape(tf.transpose(x, (1, 0, 2)), (-1, x.shape[-1]))
        pairs = zip(pieces, kernels, strict=True)
        d_x = tf.add_n([tf.matmul(d, part, transpose_b=True) for d, part in pairs])
        d_x = tf.reshape(d_x, tf.stack([tf.shape(x)[1], tf.shape(x)[0], x.shape[-1]]))
        d_kernel = _joined([tf.matmul(flat_x, d, transpose_a=True) for d in pieces])
        found = [tf.transpose(d_x, (1, 0, 2)), d_kernel]
        return found + [_joined([tf.reduce_sum(d, 0) for d in pieces])] * (self.problem.fronts == 3)

    def _free(self, tensors) -> list:
        """`tensors`, with a stand-in of no gradient for the dropout masks and the noise."""
        operands = Operands.unflat(self.problem, tensors)
        operands.masks = tuple(tf.zeros((), tf.bool) for _ in operands.masks)
        operands.noise = tuple(tf.zeros((), tf.bool) for _ in operands.noise)
        return operands.flat()

    def _first(self, tensors, window, saved, upstream):
        """The first gradient, fast; its own gradient goes through the plain scan."""
        size = len(tensors)

        @tf.custom_gradient
        def first(*arguments):
            plain = _detached(arguments)
            found, rest = self.back(plain[:size], window, *saved, plain[size:])
            operands = Operands.unflat(self.problem, plain[:size])
            # outside the cluster: oneDNN multiplies wide matrices faster than XLA on CPU; and after it, when
            # what the loop has read need not be kept any more
            with tf.control_dependencies(found):
                states = [tf.identity(x) for x in (saved[0], *saved[1][0])]
                d_kernel = gateform.kernel_gradient(self.problem, operands, states, found)
            rest = [d_kernel, *rest]
            d_z = self.problem.apart(found)[0]

            def second(*d):
                d = _joined(d[: len(d_z)]), *d[len(d_z) :]
                return self._second(arguments, size, window, d)

            return (*d_z, *rest), second

        found = first(*tensors, *upstream)
        pieces = len(self.problem.apart(self.problem.gradients)[0])
        return found[:pieces], found[pieces:]

    def _second(self, arguments, size: int, window, d_gradients):
        plain = _Loops(replace(self.problem, fronts=1), jit=False)
        with tf.GradientTape() as outer:
            outer.watch(arguments)
            operands = Operands.unflat(self.problem, arguments[:size]).projected()
            tensors = operands.flat()
            free = [x for x in plain._free(tensors) if x.dtype.is_floating]
            with tf.GradientTape() as inner:
                inner.watch(free)
                outputs, final, _ = plain._forward(tensors, window)
                outputs = (outputs,) if self.problem.sequences else ()
            gradients = inner.gradient(
                (*outputs, *final),
                free,
                output_gradients=list(arguments[size:]),
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        floating = [x for x in arguments if x.dtype.is_floating]
        found = iter(outer.gradient(gradients, floating, output_gradients=list(d_gradients)))
        return [next(found) if x.dtype.is_floating else None for x in arguments]


def _joined(pieces):
    return pieces[0] if len(pieces) == 1 else tf.concat(pieces, axis=-1)


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


def run(problem: Problem, operands: Operands, route: str, training: bool):
    """Return the first state after each step (B, T, H), or None, and the final states (B, H).

    Args:
        route: in "cluster" each loop is an XLA cluster of its own; inside a compiled model it joins
            that. Where T is not fixed, it is padded to a `bucket` (the loop runs T steps all the
            same), so that the compiler sees a bounded number of lengths. Where several cores would
            wait for one, each has a loop of its own over a part of the batch.
        training: a gradient is likely.
    """
    parts = 1
    if route == "cluster":
        problem = replace(problem, inside=_inside(problem, operands, training))
        parts = _parts(problem, operands)
    if parts == 1:
        return _run(problem, operands, route, training)
    found = [_run(problem, part, route, training) for part in _rows(problem, operands, parts)]
    outputs, finals = zip(*found, strict=True)
    outputs = tf.concat(outputs, 0) if problem.sequences else None
    return outputs, tuple(tf.concat(states, 0) for states in zip(*finals, strict=True))


def side_by_side(cell, rows: int | None, steps: int | None) -> int:
    """How many loops run at the same time in a graph, each over a part of the batch: XLA's has one core.

    One where a part would have too few rows, where starting another costs more than it saves, and where U
    is so large that the cores wait for its bytes together. A size that is None counts as large.
    """
    if tf.config.list_physical_devices("GPU"):
        return 1
    weights = cell.recurrent_width * cell.gates * cell.units
    few = None not in (rows, steps) and rows * steps * weights < LEAST_PRODUCTS
    if few or weights > MOST_WEIGHTS:
        return 1
    enough = (2 * LEAST_ROWS if rows is None else rows) // LEAST_ROWS
    return max(1, min(cores() // engine.shared_by(), enough))


def _parts(problem: Problem, operands: Operands) -> int:
    if tf.executing_eagerly() or in_one_program() or problem.sets > 1:
        return 1
    steps = operands.front[0].shape[int(problem.fronts > 1)]
    return side_by_side(problem.cell, operands.start[0].shape[0], steps)


def _inside(problem: Problem, operands: Operands, training: bool) -> bool:
    """Whether x W is made step by step: all at once it would not lie in any cache, and be written and read.

    Nor would it in training, among what the gradient needs; there it must be cheap too, from a narrow x.
    """
    if problem.fronts == 1 or problem.gained or tf.config.list_physical_devices("GPU"):
        return False
    rows, steps, features = operands.front[0].shape
    if None in (rows, steps):
        return False
    many = rows >= LEAST_INSIDE and rows * steps * operands.kernel.shape[1] > MOST_OUTSIDE
    cell = problem.cell
    narrow = rows >= LEAST_NARROW and cell.gates > 1 and features <= NARROW * cell.units
    return many or (training and problem.by_hand and narrow)


def _run(problem: Problem, operands: Operands, route: str, training: bool):
    jit = route == "cluster"
    functions = problem.cell.__dict__.setdefault("_compiled_loops", _Compiled())
    key = (problem.key, jit)
    if key not in functions:
        functions[key] = _Loops(problem, jit)
    tensors = [tf.convert_to_tensor(x) for x in operands.flat()]
    steps = tensors[0].shape[int(problem.fronts > 1)]
    if jit and (steps is None or tf.executing_eagerly()):
        results = _run_padded(functions[key], problem, tensors, training)
    else:
        results = functions[key](tensors, None, training)
    return (results[0], results[1:]) if problem.sequences else (None, results)


def _rows(problem: Problem, operands: Operands, parts: int) -> list[Operands]:
    """The operands of each part of the batch, of as many rows as others or one more."""
    rows = operands.start[0].shape[0]
    if rows is None:
        rows, numbers = tf.shape(operands.start[0])[0], tf.range(parts)
    else:
        numbers = np.arange(parts)
    sizes = (rows + numbers[::-1]) // parts

    def split(tensors, axis):
        """A tuple of tensors for each part."""
        pieces = [tf.split(x, sizes, axis if len(x.shape) == 3 else 0, parts) for x in tensors]
        return zip(*pieces, strict=True) if pieces else [()] * parts

    first, *others = operands.front
    fronts = split([first], int(not others))
    starts, masks = split(operands.start, 0), split(operands.masks, 0)
    keeps, noises = split(operands.keep, 1), split(operands.noise, 1)
    return [
        replace(operands, front=(*front, *others), start=start, keep=keep, masks=mask, noise=noise)
        for front, start, keep, mask, noise in zip(
            fronts, starts, keeps, masks, noises, strict=True
        )
    ]


def _run_padded(loops, problem, tensors, training: bool):
    operands, axis = Operands.unflat(problem, tensors), int(problem.fronts > 1)
    steps = tf.shape(operands.front[0])[axis]
    if not tf.executing_eagerly():  # where the shape has said so
        said = "`inputs` must have at least one step."
        with tf.control_dependencies([tf.debugging.assert_positive(steps, said)]):
            steps = tf.identity(steps)
    extra = bucket(steps) - steps
    first = extra if problem.reverse else 0  # the first step to run stays at an end

    def pad(x, axis=0):
        ends = [[0, 0] for _ in x.shape]
        ends[axis] = [first, extra - first]
        fixed = [None if k == axis else size for k, size in enumerate(x.shape)]
        return tf.ensure_shape(tf.pad(x, ends), fixed)

    operands.front = (pad(operands.front[0], axis), *operands.front[1:])
    operands.keep = tuple(map(pad, operands.keep))
    operands.noise = tuple(pad(x) if len(x.shape) == 3 else x for x in operands.noise)
    window = tf.convert_to_tensor(first), steps
    results = loops(operands.flat(), window, training)
    if not problem.sequences:
        return results
    return (results[0][:, first : first + steps], *results[1:])
