"""What the decoder is given of each image: its pixels, or the features that a frozen encoder makes of it."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from kerasrnn.apps.captioner.config import Config
from kerasrnn.data.captions import Example


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
    """The examples whose image can be read, a row for each, and what a row is: "image" or "features"."""
    array = np.stack([example.image for example in examples])
    return examples, Rows(array, np.arange(len(array))), "image"
