"""Image files become pixels: in graph, by stock operations, so that training and serving see the same.

JPEG, PNG, GIF (its first frame), BMP and WebP (still ones), of any mode, upright as its EXIF says,
transparency over white. Before anything is decoded, the header must promise no more than `MOST_PIXELS`.
"""

import re
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.data.bmp import decode_bmp
from kerasrnn.data.gif import first_frame
from kerasrnn.data.image_headers import (
    FORMATS,
    PADDING,
    has_opacity,
    image_format,
    image_size,
    is_animated_webp,
)
from kerasrnn.errors import UserError

MOST_BYTES = 64 * 2**20  # of a file
MOST_SIDE = 16_384  # pixels
MOST_PIXELS = 40_000_000
MOST_SCANS = 200  # of a progressive JPEG, each of which costs a walk over all pixels


def decode_image(data: tf.Tensor) -> tf.Tensor:
    """The image in a file, upright.

    Args:
        data: the file, a string scalar.
    Returns:
        uint8 (H, W, 3), red, green, blue.
    Raises:
        tf.errors.InvalidArgumentError: that begins "An image must" for what is refused before it is
            decoded; with the decoder's words for what is damaged.
    """
    data = _checked(
        tf.strings.length(data) > 0, "An image must hold bytes, got an empty file.", data
    )
    size = tf.strings.length(data)
    data = _checked(
        size <= MOST_BYTES,
        tf.strings.format(
            f"An image must be a file of at most {MOST_BYTES} bytes, got {{}}.", size
        ),
        data,
    )
    file = tf.pad(tf.io.decode_raw(data, tf.uint8), [[0, PADDING]])
    kind = image_format(file)
    data = _checked(
        kind < len(FORMATS), "An image must be JPEG, PNG, GIF, BMP or WebP, got another file.", data
    )
    width, height, orientation = image_size(file, kind)
    data = _checked(
        (tf.minimum(width, height) > 0)
        & (tf.maximum(width, height) <= MOST_SIDE)
        & (width * height <= MOST_PIXELS),
        tf.strings.format(
            f"An image must be 1 to {MOST_SIDE} pixels wide and high and hold at most {MOST_PIXELS}, "
            "got {} x {}.",
            (width, height),
        ),
        data,
    )
    readers = (_jpeg, _png, _gif, lambda data, file: decode_bmp(file), _webp)
    image = tf.switch_case(
        tf.cast(kind, tf.int32), [lambda read=read: read(data, file) for read in readers]
    )
    image = tf.ensure_shape(image, (None, None, 3))
    return tf.ensure_shape(_upright(image, orientation), (None, None, 3))


def fit(image: tf.Tensor, size: int) -> tf.Tensor:
    """The whole image stretched to a square, uint8 (size, size, 3): nothing is cut off or added.

    The aspect ratio is not kept, so that a place in the square is a place in the image.
    """
    image = tf.image.resize(image, (size, size), "bilinear", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)


def read_image(file: Path | bytes, size: int | None = None) -> np.ndarray:
    """An image outside of a graph: uint8 (size, size, 3), or (H, W, 3) unless a size is given.

    Raises:
        UserError: if it cannot be read; one sentence.
    """
    name = str(file) if isinstance(file, Path) else "The image"
    data = read_bytes(file) if isinstance(file, Path) else file
    data = tf.constant(data)  # bytes as they are would be traced anew for every image
    try:
        return (_decode(data) if size is None else _decode_and_fit(data, size)).numpy()
    except tf.errors.InvalidArgumentError as error:
        refusal = re.search(r"An image must [^\]\n]*?\.(?=['\"\]\n]|$)", error.message)
        reason = f"{refusal[0]} ({name})" if refusal else f"{name} is a damaged image."
        raise UserError(reason) from None


def read_bytes(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        UserError: if it is missing, no regular file, unreadable or over `MOST_BYTES`.
    """
    try:
        if not path.is_file():
            raise UserError(f"An image must be a file, but {path} is none.")
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"Cannot read {path}: {error}.") from None
    if len(data) > MOST_BYTES:
        raise UserError(f"An image must be a file of at most {MOST_BYTES:,} bytes ({path}).")
    return data


_decode = tf.function(decode_image, input_signature=[tf.TensorSpec((), tf.string)])


@tf.function(reduce_retracing=True)
def _decode_and_fit(data, size: int):
    return fit(decode_image(data), size)


def _checked(good: tf.Tensor, refusal, data: tf.Tensor) -> tf.Tensor:
    """`data`, which nothing can read before `good` has been seen to hold."""
    with tf.control_dependencies([tf.debugging.Assert(good, [refusal])]):
        return tf.identity(data)


def _jpeg(data, file):
    """As libjpeg decodes most exactly; CMYK and YCCK, too."""
    scans = tf.reduce_sum(tf.cast((file[:-1] == 0xFF) & (file[1:] == 0xDA), tf.int32))
    data = _checked(
        scans <= MOST_SCANS,
        tf.strings.format(
            f"An image must be stored in at most {MOST_SCANS} scans, got {{}}.", scans
        ),
        data,
    )
    return tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")


def _png(data, file):
    """16 bits are cut to 8; a palette and grey become colours."""
    see_through = lambda: over_white(tf.io.decode_png(data, channels=4))  # noqa: E731
    return tf.cond(has_opacity(file), see_through, lambda: tf.io.decode_png(data, channels=3))


def _gif(data, file):
    return first_frame(data, file)


def _webp(data, file):
    """A still one; the decoder that TensorFlow 2.21 has for animations writes past its memory."""
    data = _checked(
        ~is_animated_webp(file),
        "An image must not be an animated WebP; give one frame of it.",
        data,
    )
    image = tf.io.decode_webp(data)[0]
    return tf.cond(tf.shape(image)[-1] == 4, lambda: over_white(image), lambda: image[..., :3])


def over_white(image: tf.Tensor) -> tf.Tensor:
    """uint8 (H, W, 4), the last channel its opacity, laid over white: (H, W, 3)."""
    colours, opacity = image[..., :3], image[..., 3:]

    def blend():
        a = tf.cast(opacity, tf.uint16)
        mixed = tf.cast(colours, tf.uint16) * a + 255 * (255 - a) + 127
        return tf.cast(mixed // 255, tf.uint8)

    return tf.cond(tf.reduce_all(opacity == 255), lambda: colours, blend)


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """An image stored in one of EXIF's eight orientations, as it is to be seen."""

    def when(orientations, change, image):
        asked = tf.reduce_any(orientation == tf.constant(orientations, tf.int64))
        return tf.cond(asked, lambda: change(image), lambda: image)

    image = when([5, 6, 7, 8], lambda image: tf.transpose(image, (1, 0, 2)), image)
    image = when([2, 3, 6, 7], lambda image: image[:, ::-1], image)
    return when([3, 4, 7, 8], lambda image: image[::-1], image)
