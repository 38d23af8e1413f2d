"""The plain loop over time on TensorFlow."""

import tensorflow as tf

from kerasrnn.recurrence import engine
from kerasrnn.recurrence.problem import Stream

# Steps in a turn of the loop, where T is fixed: `python -m benchmarks.recurrence --parts unrolled`.
UNROLLED = 1


def scan(body, carry, streams: dict, widths, reverse: bool, window=None):
    """`carry, outputs = body(carry, step)` for every t.

    Args:
        body: takes the carry (a tuple) and a dict of lists: each stream's pieces at t; returns the
            next carry and a tuple of outputs (B, width).
        streams: name → `Stream`, or its first fields as a tuple.
        widths: of the outputs.
        reverse: from the last t to the first; outputs keep their place in time.
        window: (first, count) the t that are run, scalars; None runs all. Outputs of others are 0.
    Returns:
        The last carry, and the outputs stacked to (T, B, width).
    """
    streams = {name: Stream(*stream) for name, stream in streams.items()}
    like, _, axis, *_ = next(iter(streams.values()))
    steps = tf.shape(like)[axis] if like.shape[axis] is None else like.shape[axis]
    first, count = (0, steps) if window is None else window
    in_order = reverse and window is None and engine.is_portable()
    outputs = tuple(
        tf.TensorArray(carry[0].dtype, steps, element_shape=(*carry[0].shape[:-1], width))
        for width in widths
    )

    def run(index, carry, outputs):
        t = first + count - 1 - index if reverse else first + index
        step = {name: _read(stream, t, steps) for name, stream in streams.items()}
        carry, values = body(carry, step)
        place = index if in_order else t
        written = tuple(o.write(place, v) for o, v in zip(outputs, values, strict=True))
        return index + 1, tuple(carry), written

    size = UNROLLED if window is None and isinstance(steps, int) and not steps % UNROLLED else 1

    def turn(*state):
        for _ in range(size):
            state = run(*state)
        return state

    _, carry, outputs = tf.while_loop(
        lambda index, *_: index < count,
        turn,
        (tf.constant(0), tuple(carry), outputs),
        maximum_iterations=steps // size,
    )
    stacked = [o.stack() for o in outputs]
    # a loop of ONNX stacks its outputs in the order in which they were made, wherever they were written
    return carry, [tf.reverse(o, [0]) for o in stacked] if in_order else stacked


def _read(stream: Stream, t, steps) -> list:
    """The pieces of a stream at `t`."""
    values, width = stream.values, stream.width
    rest = [size for axis, size in enumerate(values.shape) if axis != stream.axis]
    edge = stream.edge % steps
    if stream.start is not None:
        begins = t == edge
        t = tf.clip_by_value(t + (1 if stream.reverse else -1), 0, steps - 1)
    sizes = tf.unstack(tf.shape(values))
    sizes[stream.axis], sizes[-1] = 1, sizes[-1] if width is None else width
    parts = []
    for piece in range(stream.pieces):
        corner = [0] * len(sizes)
        corner[stream.axis], corner[-1] = t, piece * (width or 0)
        part = tf.squeeze(tf.slice(values, tf.stack(corner), tf.stack(sizes)), stream.axis)
        part = tf.ensure_shape(part, (*rest[:-1], width))
        if stream.start is not None:
            part = tf.where(begins, stream.start[..., piece * (width or 0) :][..., :width], part)
        parts.append(part)
    return parts
