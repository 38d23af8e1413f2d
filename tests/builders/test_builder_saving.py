"""Every builder's model comes back from a .keras file, read in safe mode, with the same numbers."""

import keras
import numpy as np
import pytest

from kerasrnn.builders import (
    encoder_decoder,
    many_to_many,
    many_to_one,
    one_to_many,
    one_to_one,
)

# Keras 3.15 turns its variables into arrays in a way that NumPy 2.4 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

T, D, H, C = 4, 3, 4, 2
SIZES = {"features": D, "classes": C}
TOKENS = {"inputs": "embedding", "vocabulary": C, "embedding_size": D, "classes": C}
DEEP = {"depth": "hidden_to_hidden_and_output", "units": H}
MODELS = {
    "one_to_one": lambda: one_to_one("simple_rnn", units=H, **SIZES),
    "one_to_many": lambda: one_to_many("lstm", units=H, inputs="one_hot", masked=True, **SIZES),
    "one_to_many, repeated": lambda: one_to_many("gru", units=H, inputs="vector", steps=T, **SIZES),
    "many_to_one": lambda: many_to_one("gru", masked=True, bidirectional="sum", **DEEP, **SIZES),
    "many_to_many, shortcut": lambda: many_to_many(
        "lstm", units=H, depth="input_to_hidden_shortcut", **SIZES
    ),
    "many_to_many, carried": lambda: many_to_many(
        keras.layers.LSTMCell(H), layers=2, carry=True, dropout=0.5, **TOKENS
    ),
    "many_to_many, deep and carried": lambda: many_to_many(
        "lstm", carry=True, inputs="one_hot", vocabulary=C, classes=C, **DEEP
    ),
    "encoder_decoder": lambda: encoder_decoder(
        "gru", units=H, bidirectional="concat", masked=True, activation="softmax", **TOKENS
    ),
}


def an_input(tensor, rng):
    shape = [size or T for size in (2, *tensor.shape[1:])]
    if tensor.dtype.startswith("float"):
        return rng.normal(size=shape).astype(tensor.dtype)
    return np.sort(rng.integers(2, size=shape))[:, ::-1].astype(tensor.dtype)


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_comes_back_with_the_same_numbers(name, tmp_path, oracle, rng):
    model = oracle.randomise(MODELS[name]())
    model.save(tmp_path / "model.keras")
    back = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    given = [an_input(tensor, rng) for tensor in model.inputs]
    given = given if len(given) > 1 else given[0]
    ours, theirs = (keras.tree.flatten(m(given)) for m in (model, back))
    assert back.name == name.split(",")[0]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
