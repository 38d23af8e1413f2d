"""A padded sequence with its mask answers as the sequence without padding."""

import numpy as np
import pytest

from kerasrnn.builders import encoder_decoder, many_to_many, many_to_one, one_to_many

T, D, H, C = 6, 3, 4, 2
KNOBS = {"units": H, "layers": 2, "features": D, "classes": C, "masked": True}
PATTERNS = {
    "right": [1, 1, 1, 0, 0, 0],
    "left": [0, 0, 1, 1, 1, 1],
    "holes": [1, 0, 1, 1, 0, 1],
}
masks = pytest.mark.parametrize("pattern", PATTERNS)


def padded(pattern, rng, width=D):
    """A sequence (1, T, D) with its mask, and the steps of it that count."""
    mask = np.array([PATTERNS[pattern]], bool)
    x = rng.normal(size=(1, T, width)).astype("float32")
    return x, mask, x[mask][None], np.ones((1, mask.sum()), bool)


@masks
@pytest.mark.parametrize("merge", [None, "concat", "sum"])
def test_many_to_one_reads_the_steps_that_count(pattern, merge, oracle, rng):
    model = oracle.randomise(many_to_one("gru", bidirectional=merge, **KNOBS))
    x, mask, short, ones = padded(pattern, rng)
    oracle.assert_same(model([x, mask]), np.asarray(model([short, ones])))


@masks
def test_many_to_many_answers_where_steps_count(pattern, oracle, rng):
    model = oracle.randomise(many_to_many("lstm", bidirectional="sum", **KNOBS))
    x, mask, short, ones = padded(pattern, rng)
    oracle.assert_same(np.asarray(model([x, mask]))[mask], np.asarray(model([short, ones]))[0])


def test_masks_agree_with_the_equations(oracle, rng):
    model = oracle.randomise(many_to_one("lstm", **{**KNOBS, "layers": 1}))
    x, mask, *_ = padded("holes", rng)
    h, _ = oracle.run("lstm", x, oracle.weights_of(model, "lstm_1"), mask=mask)
    expected = oracle.dense(h[:, -1], oracle.weights_of(model, "outputs"))
    oracle.assert_same(model([x, mask]), expected)


@masks
def test_encoder_decoder_reads_the_steps_that_count_on_both_sides(pattern, oracle, rng):
    model = oracle.randomise(encoder_decoder("lstm", bidirectional="concat", **KNOBS))
    x, mask, short, ones = padded(pattern, rng)
    y, target_mask, short_y, target_ones = padded("right", rng, width=C)
    answer = np.asarray(model([x, y, mask, target_mask]))[target_mask]
    oracle.assert_same(answer, np.asarray(model([short, short_y, ones, target_ones]))[0])


@masks
def test_one_to_many_reads_the_steps_that_count(pattern, oracle, rng):
    model = oracle.randomise(one_to_many("simple_rnn", **KNOBS))
    y, mask, short, ones = padded(pattern, rng, width=C)
    vector = rng.normal(size=(1, D))
    answer = np.asarray(model([vector, y, mask]))[mask]
    oracle.assert_same(answer, np.asarray(model([vector, short, ones]))[0])
