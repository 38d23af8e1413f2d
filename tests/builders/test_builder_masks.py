"""A padded sequence with its mask answers as the sequence without padding."""

import numpy as np
import pytest

from kerasrnn.builders import encoder_decoder, many_to_many, many_to_one, one_to_many

T, D, H, C = 6, 3, 4, 2
KNOBS = {"units": H, "features": D, "classes": C, "masked": True}
MASK = np.array(
    [
        [1, 1, 1, 1, 0, 0],  # padded on the right
        [0, 0, 1, 1, 1, 1],  # on the left
        [1, 0, 1, 1, 0, 1],  # with holes
    ],
    bool,
)


def padded(rng, width=D):
    """A sequence for each row of `MASK`, and the steps of it that count with their mask."""
    x = rng.normal(size=(*MASK.shape, width)).astype("float32")
    return x, x[MASK].reshape(len(MASK), -1, width), np.ones((len(MASK), MASK[0].sum()), bool)


def answers_where_steps_count(y):
    y = np.asarray(y)
    return y[MASK].reshape(len(MASK), -1, y.shape[-1])


@pytest.mark.parametrize("merge", [None, "sum"])
def test_many_to_one_reads_the_steps_that_count(merge, oracle, rng):
    model = oracle.randomise(many_to_one("gru", layers=2, bidirectional=merge, **KNOBS))
    x, short, ones = padded(rng)
    oracle.assert_same(model([x, MASK]), np.asarray(model([short, ones])))


def test_many_to_many_answers_where_steps_count(oracle, rng):
    model = oracle.randomise(many_to_many("lstm", bidirectional="sum", **KNOBS))
    x, short, ones = padded(rng)
    answers = answers_where_steps_count(model([x, MASK]))
    oracle.assert_same(answers, np.asarray(model([short, ones])))


def test_encoder_decoder_reads_the_steps_that_count_on_both_sides(oracle, rng):
    model = oracle.randomise(encoder_decoder("gru", bidirectional="concat", **KNOBS))
    (x, short, ones), (y, short_y, _) = padded(rng), padded(rng, C)
    answers = answers_where_steps_count(model([x, y, MASK, MASK]))
    oracle.assert_same(answers, np.asarray(model([short, short_y, ones, ones])))


def test_one_to_many_reads_the_steps_that_count(oracle, rng):
    model = oracle.randomise(one_to_many("simple_rnn", layers=2, **KNOBS))
    vector, (y, short, ones) = rng.normal(size=(len(MASK), D)), padded(rng, C)
    answers = answers_where_steps_count(model([vector, y, MASK]))
    oracle.assert_same(answers, np.asarray(model([vector, short, ones])))


def test_masks_agree_with_the_equations(oracle, rng):
    model = oracle.randomise(many_to_one("lstm", **KNOBS))
    x, *_ = padded(rng)
    h, _ = oracle.run("lstm", x, oracle.weights_of(model, "lstm_1"), mask=MASK)
    expected = oracle.dense(h[:, -1], oracle.weights_of(model, "outputs"))
    oracle.assert_same(model([x, MASK]), expected)


@pytest.mark.parametrize("builder", [many_to_one, many_to_many, encoder_decoder, one_to_many])
def test_each_recurrent_layer_is_given_its_mask_and_waits_for_none_from_the_layer_below(builder):
    config = builder("simple_rnn", layers=2, **KNOBS).get_config()
    layers = [layer for layer in config["layers"] if layer["class_name"] == "SimpleRNN"]
    masks = {layer["inbound_nodes"][0]["kwargs"]["mask"]["class_name"] for layer in layers}
    assert len(layers) == (4 if builder is encoder_decoder else 2)
    assert masks == {"__keras_tensor__"}
