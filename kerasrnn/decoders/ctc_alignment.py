"""Where the symbols of a CTC labelling lie in time, in a graph of stock TensorFlow.

Axes as in `kerasrnn.decoders.ctc`.
"""

from typing import NamedTuple

import tensorflow as tf

from kerasrnn.shapes import check_axes

NEVER = -1e30  # ln 0, finite, so that no sum of such is NaN


class CTCPath(NamedTuple):
    """What was read in each row, best first.

    Attributes:
        symbols: int32 (B, N, L), right-padded with -1.
        lengths: int32 (B, N), symbols of each.
        log_probabilities: float32 (B, N), nats; the lowest float32 where there are fewer than N labellings.
        starts, ends: int32 (B, N, L), the first and the last frame of each symbol, padded with -1.
    """

    symbols: tf.Tensor
    lengths: tf.Tensor
    log_probabilities: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor


def align(logits, frame_lengths, symbols, lengths, blank: int):
    """Where each symbol lies in the likeliest alignment of given labellings (Viterbi).

    Of l_1 … l_L the states are blank, l_1, blank, l_2, …, blank. From one frame to the next an
    alignment stays, goes on by one, or by two where that leaves out a blank between different symbols.

    Args:
        logits, frame_lengths, blank: see `greedy`.
        symbols: int32 (B, N, L), see `CTCPath`.
        lengths: int32 (B, N).
    Returns:
        starts, ends: int32 (B, N, T), padded with -1; of a labelling that no alignment writes, all -1.
    """
    ln_y, there = log_frames(logits, frame_lengths)
    symbols, lengths = (tf.cast(x, tf.int32) for x in (symbols, lengths))
    rows, steps = tf.unstack(tf.shape(there))
    known = symbols >= 0
    states = tf.stack([tf.fill(tf.shape(symbols), blank), tf.where(known, symbols, blank)], axis=-1)
    states = tf.reshape(states, [rows, tf.shape(symbols)[1], -1])
    states = tf.pad(states, [[0, 0], [0, 0], [0, 1]], constant_values=blank)  # (B, N, 2 L + 1)
    two_back = tf.pad(states[..., :-2], [[0, 0], [0, 0], [2, 0]], constant_values=blank)
    may_skip = states != two_back  # of two blanks, never
    place = tf.range(tf.shape(states)[-1])
    best = tf.where(place == 0, 0.0, NEVER) + tf.zeros_like(states, tf.float32)
    chosen = tf.TensorArray(tf.int32, steps, element_shape=states.shape)

    def forward(t, best, chosen):
        back = [best] + [
            tf.pad(best[..., :-n], [[0, 0], [0, 0], [n, 0]], constant_values=NEVER) for n in (1, 2)
        ]
        back[2] = tf.where(may_skip, back[2], NEVER)
        choice = tf.argmax(tf.stack(back), axis=0, output_type=tf.int32)
        y = tf.gather(ln_y[:, t], states, batch_dims=1)
        new = tf.maximum(back[0], tf.maximum(back[1], back[2])) + y
        now = there[:, t, None, None]
        chosen = chosen.write(t, tf.where(now, choice, 0))
        return t + 1, tf.ensure_shape(tf.where(now, new, best), best.shape), chosen

    _, best, chosen = tf.while_loop(lambda t, *_: t < steps, forward, [0, best, chosen])
    chosen = chosen.stack()
    last = 2 * lengths[..., None] - 1  # the last symbol, or the blank after it
    ends = tf.gather(best, tf.concat([tf.maximum(last, 0), last + 1], axis=-1), batch_dims=2)
    state = last[..., 0] + tf.argmax(ends, axis=-1, output_type=tf.int32)
    state = tf.maximum(state, 0)
    visited = tf.TensorArray(tf.int32, steps, element_shape=state.shape)

    def back(t, state, visited):
        step = tf.gather(chosen[t], state[..., None], batch_dims=2)[..., 0]
        return t - 1, state - step, visited.write(t, state)

    visited = tf.while_loop(lambda t, *_: t >= 0, back, [steps - 1, state, visited])[-1]
    visited = tf.transpose(visited.stack(), (1, 2, 0))  # (B, N, T)
    possible = tf.reduce_max(ends, axis=-1)[..., None] > NEVER / 2
    starts, ends, _ = runs(visited, (visited % 2 == 1) & there[:, None] & possible)
    return starts, ends


def confidences(path: CTCPath, logits):
    """How sure the network was of each symbol: its mean probability from its first frame to its last.

    Args:
        logits: (B, T, S), those that `path` was read from.
    Returns:
        float32 (B, N, L), from 0 to 1; 0 where there is no symbol.
    """
    y = tf.cumsum(tf.nn.softmax(tf.cast(logits, tf.float32)), axis=1)
    y = tf.pad(y, [[0, 0], [1, 0], [0, 0]])  # of all frames before t

    def before(t):
        where = tf.stack([tf.maximum(t, 0), tf.maximum(path.symbols, 0)], axis=-1)
        return tf.gather_nd(y, where, batch_dims=1)

    frames = tf.cast(path.ends + 1 - path.starts, tf.float32)
    mean = (before(path.ends + 1) - before(path.starts)) / frames
    return tf.where(path.starts < 0, 0.0, tf.clip_by_value(mean, 0.0, 1.0))


def log_frames(logits, frame_lengths):
    """ln y (B, T, S), and which frames are there, bool (B, T); T at least 1."""
    logits = tf.cast(logits, tf.float32)
    check_axes("logits", logits.shape, "BTC", "for one sequence pass logits[None]")
    lacking = tf.maximum(1 - tf.shape(logits)[1], 0)
    ln_y = tf.nn.log_softmax(tf.pad(logits, [[0, 0], [0, lacking], [0, 0]]))
    return tf.maximum(ln_y, NEVER), tf.sequence_mask(frame_lengths, tf.shape(ln_y)[1])


def runs(states, spoken):
    """First and last frame of each run of one state where it is `spoken`, (…, T) padded with -1; how many."""
    edge = tf.fill(tf.shape(states[..., :1]), -2)
    begins = spoken & (states != tf.concat([edge, states[..., :-1]], axis=-1))
    following = tf.where(spoken, states, -1)
    finishes = spoken & (states != tf.concat([following[..., 1:], edge], axis=-1))
    return places(begins), places(finishes), tf.reduce_sum(tf.cast(begins, tf.int32), axis=-1)


def places(flags):
    """The frames at which flags (…, T) stand, in order, padded with -1."""
    steps = tf.shape(flags)[-1]
    sorted_ = tf.sort(tf.where(flags, tf.range(steps), steps), axis=-1)
    return tf.where(sorted_ < steps, sorted_, -1)
