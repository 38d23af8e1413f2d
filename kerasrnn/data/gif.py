"""The first frame of a GIF, in graph, without unpacking the others.

TensorFlow's decoder holds every frame in memory before it gives one, so the first is cut out of the file and
written as a GIF of its own, its transparent colour white; white is also what the frame leaves of the screen.
"""

import tensorflow as tf

from kerasrnn.data.image_headers import number

EXTENSION, FRAME, GRAPHIC_CONTROL = 0x21, 0x2C, 0xF9
MOST_BLOCKS = 1000  # before the first frame
TEXT = "An image must be whole, but the GIF ends before its first frame does."


def first_frame(data: tf.Tensor, file: tf.Tensor) -> tf.Tensor:
    """What a GIF shows first, uint8 (H, W, 3).

    Args:
        data: the file, a string scalar.
        file: the same as uint8 (bytes,), with the padding of `image_headers`.
    Raises:
        tf.errors.InvalidArgumentError: if there is no whole frame that lies within the screen.
    """
    colours = _table_bytes(number(file, 10, 1))
    frame, transparent = _find_frame(file, 13 + colours)
    left, top, width, height = (number(file, frame + 1 + 2 * k, 2) for k in range(4))
    flags = number(file, frame + 9, 1)
    own = _table_bytes(flags)
    pixels = frame + 10 + own
    end = _past_blocks(file, pixels + 1)
    screen = number(file, 6, 2), number(file, 8, 2)
    good = (frame > 0) & (end > 0) & (tf.minimum(width, height) > 0)
    inside = (left + width <= screen[0]) & (top + height <= screen[1])
    table = tf.where(own > 0, frame + 10, 13)
    count = tf.where(own > 0, own, colours)
    checks = [
        tf.debugging.Assert(good, [TEXT]),
        tf.debugging.Assert(
            inside, ["An image must be whole, but the GIF's frame is off its screen."]
        ),
        tf.debugging.Assert(
            count > 0, ["An image must have colours, but the GIF has no table of them."]
        ),
    ]
    with tf.control_dependencies(checks):
        palette = tf.reshape(file[table : table + count], (-1, 3))
    white = tf.range(count // 3)[:, None] == transparent
    palette = tf.reshape(tf.where(white, tf.constant(255, tf.uint8), palette), (-1,))
    code = number(file, tf.where(own > 0, frame + 9, 10), 1) % 8
    sides = tf.cast(tf.stack([width % 256, width // 256, height % 256, height // 256]), tf.uint8)
    head = [
        *(tf.constant(list(b"GIF89a"), tf.uint8), sides, _byte(128 + code, 0, 0), palette),
        *(_byte(FRAME, 0, 0, 0, 0), sides, _byte(flags // 64 % 2 * 64)),  # interlaced as it was
    ]
    head = tf.strings.reduce_join(tf.gather(_BYTES, tf.cast(tf.concat(head, 0), tf.int32)))
    data = head + tf.strings.substr(data, pixels, end - pixels) + b";"
    image = tf.io.decode_gif(data)[0]
    around = [[top, screen[1] - top - height], [left, screen[0] - left - width], [0, 0]]
    return tf.pad(image, around, constant_values=255)


_BYTES = [bytes([value]) for value in range(256)]


def _byte(*values):
    return tf.cast(tf.stack(values), tf.uint8)


def _table_bytes(flags):
    """How long the table of colours is that `flags` announce."""
    return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(tf.constant(2, tf.int64), flags % 8), 0)


def _past_blocks(file, place):
    """The place after a run of blocks (a length and so many bytes, the last empty); -1 past the file's end."""
    last = tf.size(file, tf.int64)

    def step(place, length):
        length = number(file, place, 1)
        return place + 1 + length, length

    place, length = tf.while_loop(
        lambda place, length: (length > 0) & (place < last), step, (place, tf.ones_like(place))
    )
    return tf.where((length == 0) & (place <= last - 1), place, -1)


def _find_frame(file, place):
    """(the place of the first frame's descriptor or -1, the number of the transparent colour or -1)."""

    def step(place, transparent):
        control = number(file, place + 1, 1) == GRAPHIC_CONTROL
        clear = number(file, place + 3, 1) % 2 == 1
        index = tf.where(clear, number(file, place + 6, 1), -1)
        return _past_blocks(file, place + 2), tf.where(control, index, transparent)

    place, transparent = tf.while_loop(
        lambda place, _: (place > 0) & (number(file, place, 1) == EXTENSION),
        step,
        (place, -tf.ones_like(place)),
        maximum_iterations=MOST_BLOCKS,
    )
    return tf.where((place > 0) & (number(file, place, 1) == FRAME), place, -1), transparent
