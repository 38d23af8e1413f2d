"""Each snippet of the Trinity slides, written for today's Keras, beside its builder."""

import numpy as np
import pytest
from keras import Input, Model
from keras.layers import GRU, LSTM, Dense, SimpleRNN

from kerasrnn.builders import many_to_many, many_to_one

N, P, HS, KS, OS = 5, 3, 4, 6, 2  # the slides' n, p, hs, ks, os: T, D, H, H of the second layer, C


def answer_at_each_step(layer):
    inputs = Input(shape=(N, P))
    h = layer(HS, return_sequences=True)(inputs)
    outputs = Dense(OS, activation="softmax")(h)
    return Model(inputs, outputs)


def answer_once(layer):
    inputs = Input(shape=(N, P))
    h = layer(HS, return_sequences=False)(inputs)
    outputs = Dense(OS, activation="softmax")(h)
    return Model(inputs, outputs)


def two_layers(layer):
    inputs = Input(shape=(N, P))
    h = layer(HS, return_sequences=True)(inputs)
    k = layer(KS, return_sequences=False)(h)
    outputs = Dense(OS, activation="softmax")(k)
    return Model(inputs, outputs)


SNIPPETS = {
    "one answer per step": (answer_at_each_step, many_to_many, HS),
    "one answer per sequence": (answer_once, many_to_one, HS),
    "two layers": (two_layers, many_to_one, (HS, KS)),
}


# The slides write SimpleRNN, and have the LSTM and the GRU take its place.
@pytest.mark.parametrize(
    ("cell", "layer"), [("simple_rnn", SimpleRNN), ("lstm", LSTM), ("gru", GRU)]
)
@pytest.mark.parametrize("slide", SNIPPETS)
def test_the_builder_is_the_snippet(slide, cell, layer, oracle, rng):
    snippet, builder, units = SNIPPETS[slide]
    theirs = oracle.randomise(snippet(layer))
    ours = builder(cell, units=units, features=P, steps=N, classes=OS, activation="softmax")

    assert [type(a).__name__ for a in ours.layers] == [type(b).__name__ for b in theirs.layers]
    assert ours.input_shape == theirs.input_shape
    assert ours.output_shape == theirs.output_shape
    assert ours.count_params() == theirs.count_params()
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    x = rng.normal(size=(2, N, P)).astype("float32")
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), rtol=1e-5, atol=1e-6)
