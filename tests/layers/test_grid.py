"""Recurrence over images, against loops over pixels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn import layers
from kerasrnn.recurrence import engine
from tests.oracles import grids

B, Y, X, D, H = 3, 4, 5, 2, 3
KINDS = {"rnn": layers.GridRNN, "lstm": layers.GridLSTM}
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(B, Y, X, D))
MASK = np.zeros((B, Y, X), bool)
MASK[0, :3, :2] = MASK[1, 1:, 2:] = True  # two smaller images, in different corners
MASK[2] = RNG.random((Y, X)) > 0.3  # and one with holes


def make(kind, dtype="float64", **options):
    layer = KINDS[kind](H, dtype=dtype, **options)
    layer.build(IMAGES.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([w + 0.5 * rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
def test_four_directions_are_four_loops_over_the_pixels(kind, mask):
    layer = make(kind)
    found = layer(IMAGES, mask=mask)
    there = np.ones_like(MASK) if mask is None else mask
    for k in range(B):
        expected = grids.run(kind, IMAGES[k], layer.get_weights(), there[k])
        np.testing.assert_allclose(found[k], expected, atol=1e-12)


def test_a_smaller_image_beside_padding_says_what_it_says_alone():
    layer = make("lstm", merge="sum")
    alone = layer(IMAGES[:1, :3, :2])
    padded = np.where(MASK[:1, ..., None], IMAGES[:1], 9.0)
    np.testing.assert_allclose(layer(padded, mask=MASK[:1])[:, :3, :2], alone, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_the_finite_difference(kind):
    layer, rng, step = make(kind), np.random.default_rng(2), 1e-6
    x = tf.constant(IMAGES)

    def loss():
        return tf.reduce_sum(tf.sin(layer(x, mask=MASK)))

    with tf.GradientTape() as tape:
        value = loss()
    for weight, gradient in zip(
        layer.trainable_weights,
        tape.gradient(value, [w.value for w in layer.trainable_weights]),
        strict=True,
    ):
        start, direction = weight.numpy(), rng.normal(size=weight.shape)
        weight.assign(start + step * direction)
        above = loss()
        weight.assign(start - step * direction)
        slope = (above - loss()) / (2 * step)
        weight.assign(start)
        assert float(slope) == pytest.approx(np.sum(gradient * direction), rel=1e-5, abs=1e-7)


def test_a_map_takes_as_many_steps_as_it_has_anti_diagonals(monkeypatch):
    steps, backend = [], engine.backend()

    class Watched:
        @staticmethod
        def scan(body, carry, streams, *rest):
            steps.append(streams["z"][0].shape[0])
            return backend.scan(body, carry, streams, *rest)

    monkeypatch.setattr("kerasrnn.layers.grid.backend", lambda: Watched)
    make("rnn")(IMAGES)
    assert steps == [Y + X - 1]


def test_a_model_reads_images_of_any_size_and_comes_back_from_its_file(tmp_path):
    pixels, there = keras.Input((None, None, D)), keras.Input((None, None), dtype="bool")
    maps = layers.GridLSTM(H)(pixels, mask=there)
    model = keras.Model([pixels, there], layers.GridRNN(H, merge="sum")(maps))
    model.compile("sgd", "mse", jit_compile=False)
    x = IMAGES.astype("float32")
    model.fit([x, MASK], np.zeros((B, Y, X, H)), verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again([x, MASK]), model([x, MASK]), atol=0)
    assert again([x[:, :2], MASK[:, :2]]).shape == (B, 2, X, H)
    assert model.layers[-1].get_config() == again.layers[-1].get_config()


def test_compiled_by_xla_and_in_mixed_precision_the_numbers_stay_near():
    x = IMAGES.astype("float32")
    layer = make("lstm", "float32")
    compiled = tf.function(lambda x: layer(x, mask=MASK), jit_compile=True)
    np.testing.assert_allclose(compiled(x), layer(x, mask=MASK), atol=1e-5)
    mixed = make("lstm", "mixed_bfloat16")
    mixed.set_weights(layer.get_weights())
    near = np.asarray(tf.cast(mixed(x, mask=MASK), "float32"))
    np.testing.assert_allclose(near, layer(x, mask=MASK), atol=0.1)


@pytest.mark.parametrize("wrong", [{"directions": 2}, {"merge": "mul"}])
def test_a_wrong_argument_of_a_grid_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        layers.GridRNN(H, **wrong)
