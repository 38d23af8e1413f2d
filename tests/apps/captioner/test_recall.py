"""What was said of images alike: against the equations in NumPy, and a captioner that has a memory."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.apps.captioner import data
from kerasrnn.apps.captioner.config import Config, Options
from kerasrnn.apps.captioner.data import Assets, dataset, pictures, prepare
from kerasrnn.apps.captioner.decode import Speaker, predict
from kerasrnn.apps.captioner.encoders import encoder
from kerasrnn.apps.captioner.judge import judge
from kerasrnn.apps.captioner.model import build
from kerasrnn.apps.captioner.recall import Likeness, Recall
from kerasrnn.apps.captioner.serve import BEAMS, endpoint
from kerasrnn.baselines import whitening
from kerasrnn.data.captions import Example, Source
from kerasrnn.data.splits import SPLITS
from kerasrnn.errors import UserError
from kerasrnn.recurrence import portable

RNG = np.random.default_rng(0)
N, F, R, V, L, B = 9, 6, 4, 7, 5, 3  # captions, features, compared numbers, words, length, images
FEATURES = RNG.normal(size=(N, F))
METRIC = RNG.normal(size=(R, R))
CAPTIONS = RNG.integers(1, V, (N, L), "int32")


@pytest.fixture
def likeness():
    layer = Likeness(N, R, sharpness=3.0)
    layer.build((None, F))
    layer.know(FEATURES)
    layer.metric.assign(METRIC)
    return layer


def directions(features):
    roots, known = (np.sign(x) * np.sqrt(np.abs(x)) for x in (features, FEATURES))
    x = (roots - known.mean(axis=0)) @ whitening(known, R) @ METRIC
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def test_images_are_alike_by_the_learnt_cosine_of_their_whitened_features(likeness):
    features = RNG.normal(size=(B, F))
    expected = softmax(3 * directions(features) @ directions(FEATURES).T)
    np.testing.assert_allclose(likeness(features.astype("float32")), expected, rtol=1e-4)
    grid = np.stack([features - 1, features + 1], axis=1).astype("float32")
    np.testing.assert_allclose(likeness(grid), expected, rtol=1e-4)


def test_an_image_is_like_itself_except_in_training(likeness):
    features = FEATURES.astype("float32")
    assert (np.argmax(likeness(features), axis=1) == np.arange(N)).all()
    apart = np.asarray(likeness(features, training=True))
    assert not np.diag(apart).any()
    np.testing.assert_allclose(apart.sum(axis=1), 1, rtol=1e-5)


def recalled(tokens, logits, weights, stray=0.1, doubt=0.1):
    """ln p (B, T, V) of (1) and (2), word by word."""
    chances = np.zeros(logits.shape)
    for b, t in np.ndindex(tokens.shape):
        votes = np.zeros(V)
        total = 0
        for n in range(N):
            weight = weights[b, n]
            for s in range(t + 1):
                said = CAPTIONS[n, s] if s < L else 0
                weight *= 1 if said == tokens[b, s] else stray
            votes[CAPTIONS[n, t + 1] if t + 1 < L else 0] += weight
            total += weight
        chances[b, t] = (votes + doubt * softmax(logits[b, t])) / (total + doubt)
    return np.log(chances)


def test_a_word_is_the_networks_or_the_next_of_the_captions_that_said_the_same_so_far():
    layer = Recall(N, L)
    tokens = CAPTIONS[[0, 4, 8]].copy()
    tokens[1, 2] += 1
    tokens = np.pad(tokens, ((0, 0), (0, 2)), constant_values=1).astype("int32")  # longer than any
    logits = RNG.normal(size=(B, L + 2, V)).astype("float32")
    weights = softmax(RNG.normal(size=(B, N))).astype("float32")
    start = np.zeros((B, 1), "float32")
    layer.build()
    layer.know(CAPTIONS)
    whole, *_ = layer([tokens, logits, weights, start])
    np.testing.assert_allclose(whole, recalled(tokens, logits, weights), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.exp(whole).sum(axis=-1), 1, rtol=1e-5)
    states = [weights, start]
    for t in range(L + 2):
        part, *states = layer([tokens[:, t : t + 1], logits[:, t : t + 1], *states])
        np.testing.assert_allclose(part[:, 0], whole[:, t], rtol=1e-4, atol=1e-5)


SIZES = {"units": (6,), "embedding_size": 5, "batch_size": 4}
SAID = ("a red dog", "two old cats run here", "a red bird", "the dog sleeps")


@pytest.fixture(params=["float32"])
def recalling(tmp_path, request):
    """An untrained captioner that knows four images, and these."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield _recalling(tmp_path)
    keras.config.set_dtype_policy(before)


def _recalling(tmp_path):
    encoder(Config(image_size=16)).save(tmp_path / "tiny.keras")
    config = Config(
        weights=str(tmp_path / "tiny.keras"), image="recall", image_size=16, components=3, **SIZES
    )
    pixels = RNG.integers(0, 256, (len(SAID), 16, 16, 3), np.uint8)
    pairs = zip(pixels, SAID, strict=True)
    examples = tuple(Example(said, image, (said,)) for image, said in pairs)
    source = Source("four", dict.fromkeys((*SPLITS, "all"), examples))
    assets = prepare(source, config)
    assets.save(tmp_path)
    return build(config, Assets.load(tmp_path)), config, assets, source


def test_weights_that_were_written_anew_are_no_longer_the_runs(recalling):
    model, config, assets, source = recalling
    judge(model, config, assets, source, "test")
    encoder(Config(image_size=16)).save(config.weights)
    with pytest.raises(UserError, match="must be those that the run was trained with"):
        judge(model, config, assets, source, "test")


def test_more_captions_than_memory_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "MOST_RECALLED", 10)
    with pytest.raises(UserError, match=r"4 × \d+ × \d+ are"):
        _recalling(tmp_path)


def test_without_doubt_a_known_image_gets_its_own_caption(recalling):
    model, config, assets, source = recalling
    model.reader.get_layer("likeness").log_sharpness.assign(np.log(500))
    for name in ("log_doubt", "log_stray"):
        getattr(model.writer.get_layer("recall"), name).assign(-20)
    _, images = pictures(source, config, "test")
    speaker = Speaker(model, config, assets)
    (x,) = images.one_pass()
    tokens = speaker.searched(x, 2).tokens[:, 0]
    assert [line.decode() for line in speaker.spell(tokens).numpy()] == list(SAID)
    assert speaker.answer(x, Options()) == list(SAID)


def test_it_is_saved_with_its_memory_and_learns_whom_to_ask(recalling, tmp_path):
    model, config, assets, source = recalling
    data = dataset(source, config, "train", assets)
    before = model.reader.get_layer("likeness").metric.numpy()
    assert np.isfinite(model.fit(data, shuffle=False, verbose=0).history["loss"][0])
    assert np.any(before != model.reader.get_layer("likeness").metric.numpy())
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    for x, *_ in data:
        np.testing.assert_allclose(again(x)["logits"], model(x)["logits"], atol=1e-5)


@pytest.mark.parametrize("recalling", ["float32", "mixed_float16"], indirect=True)
def test_its_export_answers_image_files_as_predict_does_in_mixed_precision_too(recalling, tmp_path):
    model, config, assets, source = recalling
    losses = model.fit(dataset(source, config, "train", assets), shuffle=False, verbose=0)
    assert np.isfinite(losses.history["loss"][0])
    half = model.writer.get_layer("recall").compute_dtype, model.compute_dtype
    assert half == ("float32", "float16" if model.dtype_policy.name != "float32" else "float32")
    paths = [str(tmp_path / f"{number}.png") for number in range(len(SAID))]
    for example, path in zip(source.splits["test"], paths, strict=True):
        keras.utils.save_img(path, example.image, scale=False)
    served = endpoint(model, config, assets)
    with portable():
        signatures = {"serving_default": served["serving_default"]}
        tf.saved_model.save(served["module"], str(tmp_path / "1"), signatures)
    asked = tf.constant([Path(path).read_bytes() for path in paths])
    ask = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    got = {name: value.numpy() for name, value in ask(image_bytes=asked).items()}
    wanted = predict(model, config, assets, paths, Options(beam=BEAMS))
    for row, answer in enumerate(wanted):
        assert [text.decode() for text in got["captions"][row]] == answer["captions"]
        np.testing.assert_allclose(got["scores"][row], answer["scores"], rtol=1e-3, atol=1e-3)


def test_an_encoder_that_learns_cannot_recall():
    for numbers in ({}, {"weights": "hed", "encoder": "vgg16", "fine_tune": True}):
        with pytest.raises(ValueError, match="`image` must be another than recall"):
            Config(image="recall", **numbers)
