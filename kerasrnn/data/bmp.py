"""Windows bitmaps in graph: TensorFlow's own decoder takes a palette for grey."""

import tensorflow as tf

from kerasrnn.data.image_headers import number

# of 32-bit pixels: red, green, blue
COLOUR_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF)


def decode_bmp(file: tf.Tensor) -> tf.Tensor:
    """An uncompressed bitmap of 1, 4, 8, 24 or 32 bits, uint8 (H, W, 3).

    Args:
        file: uint8 (bytes,), with the padding of `image_headers`.
    Raises:
        tf.errors.InvalidArgumentError: for any other, and where the file ends before its pixels do.
    """
    header, bits, compression = (number(file, *place) for place in ((14, 4), (28, 2), (30, 4)))
    width, height = number(file, 18, 4), number(file, 22, 4)
    top_down = height >= 2**31
    height = tf.minimum(height, 2**32 - height)
    masked = (compression == 3) & (bits == 32)
    for place, mask in enumerate(COLOUR_MASKS):
        masked &= number(file, 54 + 4 * place, 4) == mask
    depths = tf.constant([1, 4, 8, 24, 32], tf.int64)
    known = (header >= 40) & tf.reduce_any(bits == depths) & ((compression == 0) | masked)
    start, stride = number(file, 10, 4), (width * bits + 31) // 32 * 4
    whole = start + stride * height <= tf.size(file, tf.int64)
    checks = [
        tf.debugging.Assert(
            known, ["An image must be a BMP without compression, got another kind."]
        ),
        tf.debugging.Assert(whole, ["An image must be whole, but the BMP ends before its pixels."]),
    ]
    with tf.control_dependencies(checks):
        rows = tf.reshape(file[start : start + stride * height], (height, stride))
    image = tf.cond(
        bits >= 24,
        lambda: tf.reshape(rows[:, : width * bits // 8], (height, width, bits // 8))[..., 2::-1],
        lambda: _palette(file, header, rows, bits, width),
    )
    return tf.cond(top_down, lambda: image, lambda: image[::-1])


def _palette(file, header, rows, bits, width):
    """Pixels that number a colour, 8 / bits of them in a byte, the first in its high bits."""
    bits = tf.cast(tf.clip_by_value(bits, 1, 8), tf.uint8)
    shifts = tf.cast(tf.range(8 // tf.cast(bits, tf.int32)), tf.uint8)[::-1] * bits
    one = tf.ones((), tf.uint8)
    most = tf.bitwise.left_shift(one, bits - one)
    most += most - one  # 2^bits - 1
    parts = tf.bitwise.bitwise_and(tf.bitwise.right_shift(rows[:, :, None], shifts), most)
    indices = tf.reshape(parts, (tf.shape(rows)[0], -1))[:, :width]
    start = 14 + header
    table = tf.pad(file[start : start + 4 * 256], [[0, 4 * 256]])[: 4 * 256]
    table = tf.reshape(table, (256, 4))[:, 2::-1]
    return tf.gather(table, tf.cast(indices, tf.int32))
