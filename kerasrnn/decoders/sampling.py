"""Draw tokens from logits, and whole texts from a step function, in one graph.

Everything here is stock TensorFlow: it runs eagerly, in `tf.function` with XLA and without, and
in a SavedModel.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasrnn.shapes import check_axes


def sample(logits, uniforms, *, temperature=1.0, top_k=0, top_p=1.0) -> tf.Tensor:
    """One token per row: temperature, top-k, nucleus, then the inverse distribution function.

        w_i = exp((logits_i - max_j logits_j) / temperature)                            (1)
        K   = the `top_k` tokens of largest logits                                      (2)
        N   = the fewest first tokens of K, largest first, with `top_p` of K's mass     (3)
        token = the last i in N for which  Σ_{j<i, j∈N} w_j ≤ u Σ_{j∈N} w_j             (4)

    Equal logits rank by index, the lower first. (4) walks the vocabulary in its own order, not
    in the sorted one: the distribution is the same, nothing is sorted where no row filters, and
    a row gets the same token whether the other rows filter or not.

    Args:
        logits: (B, V), any float type; computed in float32. -inf beside a larger logit is never
            drawn.
        uniforms: float32 (B,), draws in [0, 1).
        temperature: scalar or (B,). 0 is greedy: the first of the largest logits, for any draw.
        top_k: scalar or (B,), integer; 0 is off.
        top_p: scalar or (B,), in (0, 1]; 1 is off.
            Tensors cannot be refused inside a graph. There a negative temperature or top_k
            counts as 0, a top_p above 1 as 1, and with a top_p of 0 or less only the likeliest
            token is left.
    Returns:
        int32 (B,).
    Raises:
        ValueError: for other axes, or for an option out of range that is not a tensor.
    Source: nucleus, Holtzman et al. 2020, arXiv:1904.09751, section 3.1; top-k, Fan et al. 2018,
        arXiv:1805.04833, section 5.3.
    """
    check_axes("logits", logits.shape, "BV")
    options = _options(temperature, top_k, top_p)
    return _sample(logits, tf.cast(uniforms, tf.float32), options)


class _Options(NamedTuple):
    """The options as tensors that broadcast over (B, V), so that a loop prepares them once."""

    temperature: tf.Tensor  # float32 (B or 1, 1), 0 or more
    top_k: tf.Tensor  # int32 (B or 1, 1)
    top_p: tf.Tensor  # float32 (B or 1, 1)
    filters: tf.Tensor | bool  # whether any row filters; False if that is known without running


def _options(temperature, top_k, top_p) -> _Options:
    for name, value, off in (("temperature", temperature, "greedy"), ("top_k", top_k, "off")):
        if not tf.is_tensor(value) and not np.all(np.asarray(value) >= 0):
            raise ValueError(f"`{name}` must be at least 0, got {value}; 0 is {off}.")
    if not tf.is_tensor(top_p) and not np.all((np.asarray(top_p) > 0) & (np.asarray(top_p) <= 1)):
        raise ValueError(f"`top_p` must be in (0, 1], got {top_p}; 1 is off.")
    known = not (tf.is_tensor(top_k) or tf.is_tensor(top_p))
    off = known and np.all(np.asarray(top_k) == 0) and np.all(np.asarray(top_p) == 1)
    temperature = tf.maximum(tf.reshape(tf.cast(temperature, tf.float32), [-1, 1]), 0.0)
    top_k = tf.reshape(tf.cast(top_k, tf.int32), [-1, 1])
    top_p = tf.reshape(tf.cast(top_p, tf.float32), [-1, 1])
    filters = False if off else tf.reduce_any(top_k > 0) | tf.reduce_any(top_p < 1)
    return _Options(temperature, top_k, top_p, filters)


def _sample(logits, uniforms, options: _Options):
    logits = tf.cast(logits, tf.float32)
    largest = tf.reduce_max(logits, axis=-1, keepdims=True)
    centred = tf.where(logits < largest, logits - largest, 0.0)  # the largest: +0, never -0
    weights = _weights(centred, options.temperature)
    if options.filters is not False:
        weights = tf.cond(
            options.filters,
            lambda: tf.where(_kept(centred, options), weights, 0.0),
            lambda: weights,
        )
    u = tf.where(options.temperature > 0, uniforms[:, None], 0.0)
    before = tf.cumsum(weights, axis=-1, exclusive=True)  # (B, V)
    reached = before <= u * tf.reduce_sum(weights, axis=-1, keepdims=True)
    tokens = tf.range(tf.shape(logits)[-1])
    return tf.reduce_max(tf.where(reached & (weights > 0), tokens, 0), axis=-1)  # (4)


def _weights(centred, temperature):
    """(1). At temperature 0 all but the largest go to exp(-inf)."""
    return tf.exp(tf.where(centred < 0, centred / temperature, 0.0))


def _kept(centred, options: _Options):
    """Which tokens (2) and (3) leave, bool (B, V)."""
    size = tf.shape(centred)[-1]
    rank = tf.range(size)[None, :]
    ranked, order = tf.math.top_k(centred, k=size)  # equal values: the lower index first
    among = (rank < options.top_k) | (options.top_k <= 0)  # (2)
    weights = tf.where(among, _weights(ranked, options.temperature), 0.0)
    before = tf.cumsum(weights, axis=-1, exclusive=True)
    mass = tf.reduce_sum(weights, axis=-1, keepdims=True)
    nucleus = among & ((before < options.top_p * mass) | (options.top_p >= 1))  # (3)
    last = tf.reduce_max(tf.where(nucleus, rank, 0), axis=-1, keepdims=True)  # (B, 1)
    value = tf.gather(ranked, last, batch_dims=1)
    index = tf.gather(order, last, batch_dims=1)
    return (centred > value) | ((centred == value) & (rank <= index))


def generate(
    step,
    prompt,
    prompt_lengths,
    states,
    *,
    length,
    uniforms,
    temperature=1.0,
    top_k=0,
    top_p=1.0,
    stop=None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Read a prompt token by token, then write token by token: one loop does both.

        input    p_1  p_2  …  p_P  y_1  y_2  …  y_{n-1}
                  ↓    ↓       ↓    ↓    ↓         ↓
                step step …  step step step  …  step      states run along
                               ↓    ↓    ↓         ↓
        output                y_1  y_2  y_3  …    y_n     `sample`, one draw each

    A row whose prompt has ended reads its own last output while others still read their prompt,
    so ragged prompts need no mask. A row's answer depends on its own prompt, options and draws:
    not on the other rows, not on how wide the prompts or the draws are padded. The loop ends
    with the last row. Its buffers have a size known from the shapes, so that XLA can compile it;
    how often it runs depends on the values.

    Args:
        step: (tokens int32 (B,), states) -> (logits (B, V), states), the states of the same
            structure, shapes and types.
        prompt: integer (B, P), P at least 1, right-padded with any tokens.
        prompt_lengths: integer (B,), from 1 to P; in a graph, others count as the nearest of
            these. A network has no output before its first input.
        states: what `step` takes before the first token, any nest of tensors.
        length: integer scalar or (B,): how many tokens to write; in a graph, less than 0 counts
            as 0. Beyond L, L are written.
        uniforms: float32 (B, L), such as `draws(seeds, L)`: the draw for each output of a row.
        temperature, top_k, top_p: as `sample` takes them.
        stop: integer (S,), or None. A row also ends as soon as its last S outputs equal `stop`;
            its prompt does not count. An empty one ends no row.
    Returns:
        tokens: int32 (B, L), the outputs, the stop tokens among them, right-padded with 0.
        lengths: int32 (B,), how many outputs each row has.
    Raises:
        ValueError: for other axes, or for an option out of range that is not a tensor.
    """
    options = _options(temperature, top_k, top_p)
    prompt, first, ends, uniforms = _checked(prompt, prompt_lengths, length, uniforms)
    inputs, draws, steps = _by_time(prompt, first, uniforms)

    def body(t, tokens, states, ends, recent, outputs):
        logits, states = step(tokens, states)
        tokens = _sample(logits, draws[t], options)
        outputs = outputs.write(t, tokens)
        reading = t < first
        if stop is not None:
            recent, found = _match(recent, tf.where(reading, -1, tokens), stop)
            ends = tf.where(found, tf.minimum(ends, t + 1), ends)
        tokens = tf.ensure_shape(tf.where(reading, inputs[t], tokens), prompt.shape[:1])
        return t + 1, tokens, states, ends, recent, outputs

    recent = tf.fill([tf.shape(prompt)[0], 0 if stop is None else tf.size(stop)], -1)
    outputs = tf.TensorArray(tf.int32, size=steps, element_shape=prompt.shape[:1])
    _, _, _, ends, _, outputs = tf.while_loop(
        lambda t, tokens, states, ends, *rest: t < tf.reduce_max(ends),
        body,
        [0, prompt[:, 0], states, ends, recent, outputs],
    )
    lengths = tf.maximum(ends - first, 0)
    column = tf.range(tf.shape(uniforms)[1])[None, :]
    tokens = tf.gather(tf.transpose(outputs.stack()), first[:, None] + column, batch_dims=1)
    return tf.where(column < lengths[:, None], tokens, 0), lengths


def _checked(prompt, prompt_lengths, length, uniforms):
    """Shapes and ranges required; lengths turned into a row's first and last loop iteration."""
    prompt, uniforms = tf.cast(prompt, tf.int32), tf.cast(uniforms, tf.float32)
    check_axes("prompt", prompt.shape, "BT")
    check_axes("uniforms", uniforms.shape, "BL", "draw them with `draws(seeds, length)`")
    if prompt.shape[1] == 0:
        raise ValueError("`prompt` must hold at least one token, got width 0; begin with one.")
    for name, value, low in (("prompt_lengths", prompt_lengths, 1), ("length", length, 0)):
        if not tf.is_tensor(value) and np.any(np.asarray(value) < low):
            raise ValueError(f"`{name}` must be at least {low}, got {value}.")
    prompt_lengths = tf.cast(prompt_lengths, tf.int32)
    check_axes("prompt_lengths", prompt_lengths.shape, "B", "give one length to each row")
    first = tf.clip_by_value(prompt_lengths, 1, tf.shape(prompt)[1]) - 1
    length = tf.clip_by_value(tf.cast(length, tf.int32), 0, tf.shape(uniforms)[1])
    return prompt, first, first + length, uniforms


def _by_time(prompt, first, uniforms):
    """What each iteration reads, one row of (steps, B) each: the prompt's next token, the draw."""
    steps = tf.shape(prompt)[1] + tf.shape(uniforms)[1]
    t = tf.range(steps)
    inputs = tf.gather(tf.transpose(prompt), tf.minimum(t + 1, tf.shape(prompt)[1] - 1))
    uniforms = tf.pad(uniforms, [[0, 0], [0, 1]])  # so that there is one to point at when L = 0
    at = tf.clip_by_value(t[None, :] - first[:, None], 0, tf.shape(uniforms)[1] - 1)
    return inputs, tf.transpose(tf.gather(uniforms, at, batch_dims=1)), steps


def _match(recent, tokens, stop):
    """The last S outputs with `tokens` as the newest, and which rows of them equal `stop`."""
    recent = tf.concat([recent, tokens[:, None]], axis=1)[:, 1:]
    found = tf.reduce_all(recent == tf.cast(stop, tf.int32), axis=-1)
    return recent, found & (tf.size(stop) > 0)
