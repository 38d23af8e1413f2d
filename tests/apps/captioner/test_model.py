"""The captioner's networks against NumPy, its loss against the formula, and what is saved of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.apps.captioner.config import IMAGES, Config
from kerasrnn.apps.captioner.data import SPECIAL, Assets
from kerasrnn.apps.captioner.encoders import encoder
from kerasrnn.apps.captioner.model import build
from tests.oracles import captions as oracle

RNG = np.random.default_rng(0)
ASSETS = Assets((*SPECIAL, *"abcdefg"), length=5)
WORDS = np.array([[1, 4, 5, 6, 7, 8], [1, 9, 10, 0, 0, 0], [1, 4, 0, 0, 0, 0]], np.int32)
NEXT = np.array([[4, 5, 6, 7, 8, 2], [9, 10, 2, 0, 0, 0], [4, 2, 0, 0, 0, 0]], np.int32)
PIXELS = RNG.integers(0, 256, (3, 16, 16, 3), np.uint8)


def made(image, **numbers):
    numbers = {"units": (6,), "embedding_size": 5, "attention_units": 4} | numbers
    features = "grid" if image.endswith("attention") else "vector"
    config = Config(image=image, features=features, image_size=16, **numbers)
    model = build(config, ASSETS)
    for weight in model.reader.weights + model.writer.weights:
        weight.assign(RNG.normal(scale=0.5, size=weight.shape))
    return model


@pytest.mark.parametrize("image", [way for way in IMAGES if way != "recall"])
def test_the_logits_are_those_of_the_slides_in_numpy(image):
    model = made(image, tied=image in ("first_input", "soft_attention"))
    features = model.features({"image": PIXELS}).numpy()
    found = model({"image": PIXELS, "words": WORDS})["logits"]
    ready = model({"features": features, "words": WORDS})["logits"]
    np.testing.assert_allclose(found, ready, atol=1e-5)
    reads, writes = oracle.weights(model.reader), oracle.weights(model.writer)
    for row, logits in enumerate(found):
        there = NEXT[row] > 0
        expected = oracle.logits(image, reads, writes, features[row], WORDS[row])
        np.testing.assert_allclose(logits[there], expected[there], atol=1e-4)


def nats(logits):
    chances = tf.nn.log_softmax(logits).numpy()
    taken = np.take_along_axis(chances, NEXT[..., None], axis=2)[..., 0]
    return -np.sum(np.where(NEXT > 0, taken, 0), axis=1)


def test_the_loss_is_nats_a_word_and_the_penalty_is_counted_alike():
    for spread in (0.0, 0.5):
        model = made("soft_attention", doubly_stochastic=spread)
        said = model({"image": PIXELS, "words": WORDS})
        loss = model.compute_loss(None, NEXT, said, (NEXT > 0).astype("float32"))
        penalty = np.sum((1 - said["attended"].numpy()) ** 2)
        expected = (nats(said["logits"]).sum() + spread * penalty) / np.sum(NEXT > 0)
        assert float(loss) == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(np.sum(said["attended"], axis=1), [6, 3, 2], rtol=1e-5)


def test_hard_attention_learns_its_baseline_and_its_places():
    model = made("hard_attention", expected=0.0, entropy=0.1)
    with tf.GradientTape() as tape:
        said = model({"image": PIXELS, "words": WORDS}, training=True)
        loss = model.compute_loss(None, NEXT, said, (NEXT > 0).astype("float32"))
    mean = -nats(said["logits"]).mean()
    assert float(model.baseline) == pytest.approx(0.1 * mean, rel=1e-5)
    query = model.writer.get_layer("attention").query
    assert np.abs(tape.gradient(loss, query)).max() > 0
    reward = -nats(said["logits"])
    drawn = reward * said["log_chance"][:, 0].numpy() + 0.1 * said["entropy"][:, 0].numpy()
    assert float(loss) == pytest.approx(-(reward + drawn).sum() / np.sum(NEXT > 0), rel=1e-4)


@pytest.mark.parametrize(
    ("image", "sampled"), [("first_input", 0.0), ("every_step", 2.0), ("hard_attention", 2.0)]
)
def test_a_model_is_saved_and_trained_on(image, sampled, tmp_path):
    model = made(image, scheduled_sampling=sampled, units=(6, 4), dropout=0.1)
    x, weights = {"image": PIXELS, "words": WORDS}, (NEXT > 0).astype("float32")
    data = tf.data.Dataset.from_tensors((x, NEXT, weights)).repeat(2)
    before = model.writer.get_weights()
    history = model.fit(data, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert any(np.any(a != b) for a, b in zip(before, model.writer.get_weights(), strict=True))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(again(x)["logits"], model(x)["logits"], atol=1e-6)
    assert not sampled or int(again.sampler.teacher.updates) == 2


def test_mixed_precision_trains_and_answers_in_full():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = made("soft_attention")
    finally:
        keras.config.set_dtype_policy("float32")
    said = model({"image": PIXELS, "words": WORDS})
    assert said["logits"].dtype == "float32"
    data = tf.data.Dataset.from_tensors(({"image": PIXELS, "words": WORDS}, NEXT))
    assert np.isfinite(model.fit(data, shuffle=False, verbose=0).history["loss"][0])


def test_numbers_that_do_not_go_together_are_refused():
    for numbers, said in (
        ({"image": "soft_attention"}, "`features` must be grid"),
        ({"cell": "output_rnn"}, "`cell` must leave the answer"),
        ({"scheduled_sampling": 0.5}, "`scheduled_sampling` must be 0 or at least 1"),
        ({"max_vocabulary": 4}, "`max_vocabulary` must be at least 5"),
        ({"units": ()}, "`units` must name"),
    ):
        with pytest.raises(ValueError, match=said):
            Config(**numbers)


@pytest.mark.parametrize("fine_tune", [False, True])
def test_an_encoder_with_weights_of_its_own_learns_where_it_is_to(fine_tune, tmp_path):
    path = tmp_path / "encoder.keras"
    encoder(Config(image_size=16)).save(path)
    model = made("every_step", weights=str(path), fine_tune=fine_tune)
    before = [weight.numpy() for weight in model.encoder.weights]
    saved = keras.models.load_model(path, safe_mode=True)
    for weight, ours in zip(saved.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), ours)
    model.fit({"image": PIXELS, "words": WORDS}, NEXT, verbose=0)
    moved = [
        np.abs(weight.numpy() - old).max() > 0
        for weight, old in zip(model.encoder.weights, before, strict=True)
    ]
    assert any(moved) == fine_tune
