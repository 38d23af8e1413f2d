"""A wrong knob is refused in one sentence that says what to do."""

import dataclasses

import keras
import pytest

from kerasrnn.builders import (
    Stack,
    StackKnobs,
    encoder_decoder,
    many_to_many,
    many_to_one,
    one_to_many,
    one_to_one,
)

GOOD = {"cell": "gru", "units": 4, "features": 3, "classes": 2}
CELL = keras.layers.GRUCell(4)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"cell": "elman"}, r"`cell` must be one of .*'lstm'.*, got 'elman'; or pass a cell"),
        ({"cell": keras.layers.GRUCell}, "`cell` must be .* a cell such as LSTMCell"),
        ({"cell": CELL}, "`units` must be left out with a cell instance, got 4; set it in the"),
        ({"cell": CELL, "units": None, "recurrent_dropout": 0.1}, "`recurrent_dropout` must be le"),
        ({"units": None}, "`units` must be a positive int, got None; cell='gru' needs"),
        ({"units": 0}, "`units` must be a positive int, got 0"),
        ({"units": (4, 2.5)}, "`units` must be a positive int, got 2.5"),
        ({"units": ()}, "`units` must be one int, or one for each of the layers"),
        ({"units": (4, 4), "layers": 3}, "`units` must be one int, or one for each of the layers"),
        ({"layers": 0}, "`layers` must be a positive int, got 0"),
        ({"depth": "deep"}, "`depth` must be one of .*'stacked'.*, got 'deep'"),
        ({"depth_layers": 0}, "`depth_layers` must be a positive int, got 0"),
        ({"bidirectional": "mul"}, "`bidirectional` must be one of .*'concat'.*, got 'mul'"),
        ({"dropout": 1.0}, r"`dropout` must be a share in \[0, 1\), got 1.0"),
        ({"recurrent_dropout": -0.1}, "`recurrent_dropout` must be a share"),
        (
            {"recurrent_dropout": 0.1, "depth": "hidden_to_hidden_and_output"},
            "`recurrent_dropout` must be 0.0 with depth=",
        ),
        ({"classes": 0}, "`classes` must be a positive int, got 0"),
        ({"features": None}, "`features` must be a positive int, got None; inputs='features' need"),
        ({"inputs": "words"}, "`inputs` must be one of .*'one_hot'.*, got 'words'"),
        ({"inputs": "one_hot", "vocabulary": 3}, "`features` must be left out with inputs='one_h"),
        ({"inputs": "one_hot", "features": None}, "`vocabulary` must be a positive int, got None"),
        (
            {"inputs": "embedding", "features": None, "vocabulary": 3},
            "`embedding_size` must be a positive int, got None",
        ),
    ],
)
def test_a_wrong_knob_is_refused(knobs, message):
    with pytest.raises(ValueError, match=message):
        many_to_one(**{**GOOD, **knobs})


@pytest.mark.parametrize(
    ("builder", "knobs", "message"),
    [
        (one_to_one, {"bidirectional": "sum"}, "one step reads the same both ways"),
        (one_to_many, {"bidirectional": "sum"}, "an answer cannot be read before it is given"),
        (one_to_many, {"inputs": "vector"}, "`steps` must be a positive int, got None"),
        (
            one_to_many,
            {"inputs": "vector", "steps": 3, "masked": True},
            "`masked` and `embedding_size` must be left out with inputs=.vector.",
        ),
        (one_to_many, {"inputs": "image"}, "`inputs` must be one of .*'vector'.*, got 'image'"),
        (one_to_one, {"features": 0}, "`features` must be a positive int, got 0"),
        (encoder_decoder, {"features": None}, "`features` must be a positive int, got None"),
    ],
)
def test_a_knob_that_the_slide_has_no_place_for_is_refused(builder, knobs, message):
    with pytest.raises(ValueError, match=message):
        builder(**{**GOOD, **knobs})


def test_a_cell_with_nameless_states_cannot_be_carried():
    cell = keras.layers.StackedRNNCells([keras.layers.LSTMCell(2), keras.layers.LSTMCell(2)])
    with pytest.raises(ValueError, match=r"one size, an int, for each of its states"):
        many_to_many(cell, features=3, classes=2, carry=True)


def test_the_keywords_of_a_stack_are_all_described():
    fields = {field.name for field in dataclasses.fields(Stack)} - {"cell"}
    assert fields == set(StackKnobs.__annotations__)
