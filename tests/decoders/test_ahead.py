"""`step_ahead`: the network's own step is its oracle."""

from itertools import chain

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.builders import Stack
from kerasrnn.builders.states import state_inputs
from kerasrnn.decoders import step_ahead
from kerasrnn.layers import AtEachStep

RNG = np.random.default_rng(0)
V, E, F, H, B, K = 7, 5, 4, 6, 2, 3  # words, their size, the memory's, units, images, beams


def network(cell: str, memory: bool):
    """Words, a memory where asked for, and states → logits and states; and the cell that reads words."""
    stack = Stack(cell, units=(H, H))
    tokens = keras.Input((None,), dtype="int32")
    heard = [keras.Input((F,))] * memory
    into = state_inputs(stack.states)
    x = keras.layers.Embedding(V, E)(tokens)
    x = AtEachStep()([x, *heard]) if memory else x
    h, finals = stack.read(x, start=into, states=True)
    logits = keras.layers.Dense(V)(h)
    model = keras.Model([tokens, *heard, *chain(*into)], [logits, *chain(*finals)])
    for weight in model.weights:  # biases are not zero
        weight.assign(RNG.normal(scale=0.5, size=weight.shape))
    return model, model.get_layer(f"{cell}_1").cell


def given(model, memory: bool):
    """Tokens (B·K,), memory (B, F) and states (B·K, ·)."""
    states = [RNG.normal(size=(B * K, s.shape[1])) for s in model.inputs[1 + memory :]]
    heard = [tf.constant(RNG.normal(size=(B, F)), tf.float32)] * memory
    return tf.constant([0, 6, 2, 2, 5, 1]), heard, [tf.constant(s, tf.float32) for s in states]


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "gru_reset_before", "simple_rnn"])
def test_words_read_off_a_table_are_answered_as_words_that_are_multiplied(cell, memory):
    model, reads = network(cell, memory)
    tokens, heard, states = given(model, memory)
    beams = [tf.repeat(one, K, axis=0) for one in heard]
    logits, *expected = model([tokens[:, None], *beams, *states])
    got, after = step_ahead(model, reads, heard, K)(tokens, states)
    for ours, theirs in zip((got, *after), (logits[:, 0], *expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_readout_of_several_products_is_one():
    model, reads = network("lstm", True)
    tokens, heard, states = given(model, True)
    beams = [tf.repeat(one, K, axis=0) for one in heard]
    h = keras.Input((None, H))
    narrow = keras.layers.Dense(E)(h)
    readout = keras.Model(h, keras.layers.Dense(V)(keras.layers.Dropout(0.5)(narrow)))
    for weight in readout.weights:
        weight.assign(RNG.normal(size=weight.shape))
    until = keras.Model(model.inputs, [model.layers[-1].input, *model.outputs[1:]])
    answers, *expected = until([tokens[:, None], *beams, *states])
    expected = [readout(answers)[:, 0], *expected]

    @tf.function(jit_compile=True, autograph=False)
    def found(tokens, states):
        logits, after = step_ahead(until, reads, heard, K, readout)(tokens, states)
        return [logits, *after]

    for ours, theirs in zip(found(tokens, states), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_no_word_is_multiplied_in_the_loop():
    """x_t (B·K, E + F) is nowhere in what is compiled; it is where the network's own step runs."""
    model, reads = network("lstm", True)
    tokens, heard, states = given(model, True)

    def plain(tokens, states):
        beams = [tf.repeat(one, K, axis=0) for one in heard]
        logits, *states = model([tokens[:, None], *beams, *states])
        return logits[:, 0], states

    def compiled(step):
        @tf.function(jit_compile=True, autograph=False)
        def write(tokens, states):
            def body(t, tokens, states):
                logits, states = (step or step_ahead(model, reads, heard, K))(tokens, states)
                return t + 1, tf.argmax(logits, axis=-1, output_type=tf.int32), states

            return tf.while_loop(lambda t, *_: t < 5, body, [0, tokens, states])[1]

        return write.experimental_get_compiler_ir(tokens, states)(stage="optimized_hlo")

    assert f"f32[{B * K},{E + F}]" in compiled(plain)
    assert f"f32[{B * K},{E + F}]" not in compiled(None)
