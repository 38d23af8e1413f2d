"""A step of a network that writes, without the product of the words: it is made ahead of the loop."""

import tensorflow as tf

from kerasrnn.recurrence import watched
from kerasrnn.recurrence.engine import run_steps


def step_ahead(network, cell, memory=(), width: int = 1, readout=None):
    """One step of `network`, whose recurrent `cell` reads z_t = x_t W + b off a table.

    Where x_t is a word's vector, or that beside another which all steps read, [e(w_t), v], the
    product falls into a part for each word and a part that does not change:

        z_t = Z[w_t] + q        Z = [e(·), 0] W + b  (V, G)        q = [0, v] W  (B, G)          (1)

    Both are multiplied here, once, so that h_{t-1} U is the only product with G columns left in a
    step. It pays if the loop reads more than V words. A readout of several products is made one:

        logits = h_t A + c        c = readout(0)        A = readout(I) - c        (H, V)            (2)

    Args:
        network: [tokens (N, T), *memory (N, …), *states (N, ·)] → [logits (N, T, V), *states].
        cell: of a layer of `network`, of `kerasrnn.cells`, without `layer_norm`, such that (1) holds.
        memory: what `network` reads at every step, a list of (B, …).
        width: K, beams; each row of `memory` is read by so many rows of the step, which follow
            each other.
        readout: h (N, T, H) → logits (N, T, V), affine; then `network` answers h in their place.
    Returns:
        step: (tokens int32 (B·K,), states) -> (logits (B·K, V), states).
    """
    sizes = [state.shape[1:] for state in network.inputs[1 + len(memory) :]]
    vocabulary = (readout or network).outputs[0].shape[-1]
    if readout is not None:
        size = readout.inputs[0].shape[-1]
        constant = readout(tf.zeros([1, 1, size]), training=False)[:, 0]
        matrix = readout(tf.eye(size)[:, None], training=False)[:, 0] - constant

    def products(tokens, memory):
        """z of single words, (N, G)."""
        seen = []

        def watch(this, z, *rest):
            seen.extend([z[0]] if this is cell else [])
            return run_steps(this, z, *rest)

        states = [tf.zeros([tf.shape(tokens)[0], *size]) for size in sizes]
        with watched(watch):
            network([tokens[:, None], *memory, *states], training=False)
        return seen[0]

    silence = [tf.zeros([vocabulary, *one.shape[1:]], one.dtype) for one in memory]
    table, unchanging = products(tf.range(vocabulary), silence), 0.0
    if memory:
        unchanging = products(tf.zeros(tf.shape(memory[0])[:1], tf.int32), memory) - table[:1]
        unchanging = tf.repeat(unchanging, width, axis=0)
        memory = [tf.repeat(one, width, axis=0) for one in memory]

    def step(tokens, states):
        ready = (tf.gather(table, tokens) + unchanging)[None]  # (1)

        def watch(this, z, *rest):
            *rest, _ = rest
            return run_steps(this, ready if this is cell else z, *rest, single=True)

        with watched(watch):  # what is not read, as z of `cell`, is no part of a graph
            answer, *states = network([tokens[:, None], *memory, *states], training=False)
        answer = answer[:, 0]
        if readout is not None:
            answer = tf.matmul(tf.cast(answer, matrix.dtype), matrix) + constant  # (2)
        return answer, states

    return step
