"""What the decoder is given of each image: its pixels, or the features that a frozen encoder makes of it.

Both are made once for each image's content and read from a cache on disk ever after.
"""

import functools
import hashlib
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kerasrnn.apps.captioner.config import Config
from kerasrnn.apps.captioner.encoders import encoder, fingerprint
from kerasrnn.data.captions import Example
from kerasrnn.data.feature_cache import FeatureCache, cache_folder
from kerasrnn.data.images import fit, read_bytes, read_image
from kerasrnn.errors import UserError
from kerasrnn.notice import progress, tell

AT_ONCE = 16  # images that are decoded, looked at and written together


@dataclass(frozen=True)
class Rows:
    """One array an image, in memory or in a mapped file.

    Attributes:
        array: (images, …).
        index: (N,) the row of each example.
    """

    array: np.ndarray
    index: np.ndarray

    def gather(self, places: tf.Tensor) -> tf.Tensor:
        """The rows of examples `places` (B,), as a tensor (B, …); graph-safe."""
        kind = tf.as_dtype(self.array.dtype)
        rows = tf.numpy_function(lambda p: self.array[self.index[p]], [places], kind, False)
        return tf.ensure_shape(rows, (*places.shape, *self.array.shape[1:]))


def frozen(config: Config) -> bool:
    """Whether the encoder stays as it is, so that each image's features need be made only once."""
    return config.weights != "none" and not config.fine_tune


def image_rows(
    examples: tuple[Example, ...], config: Config
) -> tuple[tuple[Example, ...], Rows, str]:
    """The examples whose image can be read, a row for each, and what a row is: "image" or "features".

    Raises:
        UserError: if none can be read.
    """
    size = config.image_size
    if frozen(config):
        network, identity = _encoder_of(config)
        shape, dtype, name = network.output_shape[1:], "float32", "features"
        make = lambda pixels: np.asarray(network.predict_on_batch(pixels))  # noqa: E731
    else:
        shape, dtype, name = (size, size, 3), "uint8", "image"
        make, identity = np.asarray, hashlib.sha256(f"pixels {size}".encode()).hexdigest()
        if all(isinstance(example.image, np.ndarray) for example in examples):
            pixels = np.stack([_pixels(example.image, size) for example in examples])
            return examples, Rows(pixels, np.arange(len(pixels))), name
    path = cache_folder() / "features" / f"{identity[:32]}.rows"
    cache = FeatureCache(path, shape, dtype)
    keys = _keys(examples)
    failed = _fill(cache, examples, keys, size, make)
    kept = [k for k, key in enumerate(keys) if key not in failed]
    if not kept:
        raise UserError(
            f"None of {len(examples):,} images can be read: {next(iter(failed.values()))}"
        )
    if failed:
        tell(f"{len(keys) - len(kept):,} images cannot be read and are left out.")
    places = cache.places()
    index = np.array([places[keys[k]] for k in kept])
    return tuple(examples[k] for k in kept), Rows(cache.map()["row"], index), name


def require_same(network: keras.Model, config: Config) -> None:
    """See that a model's own encoder is the one that features are made by.

    Raises:
        UserError: if the weights that `config` names have changed since the model was trained.
    """
    if frozen(config) and fingerprint(network, config) != _encoder_of(config)[1]:
        raise UserError(
            f"The encoder's weights must be those that the run was trained with, but {config.weights} are "
            "others by now; put them back, or train anew."
        )


def _encoder_of(config: Config):
    kind = config.encoder, config.weights, config.features, config.image_size
    return _frozen_encoder(*kind, _stamp(config.weights))


def _stamp(weights: str) -> tuple[int, int] | None:
    """What changes when a file of weights is written anew; None of what is no file."""
    try:
        told = os.stat(weights)
    except (OSError, ValueError):
        return None
    return told.st_mtime_ns, told.st_size


@functools.lru_cache(maxsize=2)
def _frozen_encoder(kind: str, weights: str, features: str, size: int, stamp):
    """An encoder in float32 and its fingerprint, whatever numbers are drawn and in use around it.

    Kept until the file of its weights has another `stamp`.
    """
    config = Config(encoder=kind, weights=weights, features=features, image_size=size)
    drawn, policy = random.getstate(), keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        network = encoder(config)
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(drawn)
    return network, fingerprint(network, config)


def _keys(examples) -> list[bytes]:
    """A hash of what each image's file holds; of its name, where it cannot be read."""

    def key(example: Example) -> bytes:
        if isinstance(example.image, Path):
            try:
                return hashlib.sha256(read_bytes(example.image)).digest()
            except UserError:
                return hashlib.sha256(f"unreadable {example.key}".encode()).digest()
        return hashlib.sha256(np.ascontiguousarray(example.image).data).digest()

    with ThreadPoolExecutor() as pool:
        return list(pool.map(key, examples))


def _fill(cache: FeatureCache, examples, keys: list[bytes], size: int, make: Callable) -> dict:
    """Put into the cache what it lacks; {key: why} of those images that cannot be read."""
    if set(keys) <= cache.places().keys():
        return {}
    failed = {}
    with cache.writing() as append:
        have = cache.places()
        lacking = {key: e for key, e in zip(keys, examples, strict=True) if key not in have}
        cache.make_room(len(lacking))
        tell(f"Looking at {len(lacking):,} images once; what is seen is kept in {cache.path}.")
        with progress("images", len(lacking)) as done:
            for group in _groups(lacking, size, failed):
                pixels = np.stack([image for _, image in group])
                full = np.pad(pixels, [(0, AT_ONCE - len(pixels)), *[(0, 0)] * 3])
                append([key for key, _ in group], make(full)[: len(group)])
                done(len(group))
    return failed


def _groups(lacking: dict[bytes, Example], size: int, failed: dict) -> Iterator[list[tuple]]:
    """(key, pixels) of the images, `AT_ONCE` together, decoded by all cores a group ahead."""

    def look(item):
        key, example = item
        try:
            return key, _pixels(example.image, size)
        except UserError as refusal:
            failed[key] = str(refusal)
            return key, None

    items = list(lacking.items())
    with ThreadPoolExecutor() as pool:
        waiting = []
        for first in range(0, len(items) + AT_ONCE, AT_ONCE):
            ahead = [pool.submit(look, item) for item in items[first : first + AT_ONCE]]
            seen = [found for found in (job.result() for job in waiting) if found[1] is not None]
            waiting = ahead
            if seen:
                yield seen


def _pixels(image: Path | np.ndarray, size: int) -> np.ndarray:
    if isinstance(image, Path):
        return read_image(image, size)
    return image if image.shape[0] == size else fit(image, size).numpy()
