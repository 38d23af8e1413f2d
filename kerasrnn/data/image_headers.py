"""What an image file says of itself before its pixels: format, size, orientation. In graph, stock operations.

Every function takes the file as uint8 (bytes,), followed by `PADDING` zeros so that a short file can be read
like a long one, and gives int64 scalars.
"""

import tensorflow as tf

PADDING = 64
MOST_SEGMENTS = 1000  # of a JPEG before its size must have come, of a PNG before its pixels
MOST_TAGS = 200  # of an EXIF directory that are looked through
STARTS = {
    "jpeg": b"\xff\xd8\xff",
    "png": b"\x89PNG\r\n\x1a\n",
    "gif": b"GIF8",
    "bmp": b"BM",
    "webp": b"RIFF",
}
FORMATS = tuple(STARTS)


def number(file: tf.Tensor, place, count: int, big: bool = False) -> tf.Tensor:
    """The unsigned integer of `count` bytes at `place`; what lies past the end is read as the last byte, 0."""
    places = tf.cast(place, tf.int64) + tf.range(count, dtype=tf.int64)
    places = tf.clip_by_value(places, 0, tf.size(file, tf.int64) - 1)
    digits = tf.cast(tf.gather(file, places), tf.int64)
    powers = tf.constant([256**k for k in range(count)], tf.int64)
    return tf.reduce_sum(digits * (powers[::-1] if big else powers))


def holds(file: tf.Tensor, place, text: bytes) -> tf.Tensor:
    """Whether `text` (at most 7 bytes) stands at `place`."""
    return number(file, place, len(text)) == int.from_bytes(text, "little")


def image_format(file: tf.Tensor) -> tf.Tensor:
    """The place in `FORMATS` of the file's format, or their number if it is none of them."""
    starts = [tf.reduce_all(file[: len(start)] == list(start)) for start in STARTS.values()]
    starts[-1] &= holds(file, 8, b"WEBP")
    return tf.argmax(tf.stack([*starts, True]))


def image_size(file: tf.Tensor, kind: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(width, height, EXIF orientation) as the header says, 0 × 0 where it says nothing that makes sense."""
    one = tf.ones((), tf.int64)
    nothing = lambda: (0 * one, 0 * one, one)  # noqa: E731
    readers = [lambda: _jpeg(file), lambda: _png(file), lambda: (*_gif(file), one)]
    readers += [lambda: (*_bmp(file), one), lambda: _webp(file), nothing]
    return tf.switch_case(tf.cast(kind, tf.int32), readers)


def _png(file):
    """The first chunk is IHDR; eXIf may come before the pixels. A chunk: length, name, data, checksum."""
    first = tf.cast(holds(file, 12, b"IHDR"), tf.int64)
    orientation = _exif(file, 8, b"eXIf", lambda place: place + 12 + number(file, place, 4, True))
    return first * number(file, 16, 4, True), first * number(file, 20, 4, True), orientation


def _exif(file, first: int, name: bytes, after):
    """The orientation in the chunk that `name` begins, four bytes after its place in a PNG, at it in a WebP.

    Args:
        first: the first chunk's place.
        after: place → the next chunk's.
    """
    at = 4 * (name == b"eXIf")
    end = tf.size(file, tf.int64) - PADDING

    def searched(place):
        return (place < end) & ~holds(file, place + at, name) & ~holds(file, place + at, b"IDAT")

    start = tf.constant(first, tf.int64)
    place = tf.while_loop(
        lambda place: searched(place),
        lambda place: (after(place),),
        (start,),
        maximum_iterations=MOST_SEGMENTS,
    )[0]
    found = (place < end) & holds(file, place + at, name)
    start = place + 8 + 6 * tf.cast(holds(file, place + 8, b"Exif\0\0"), tf.int64)
    return tf.where(found, _orientation(file, start), 1)


def _gif(file):
    return number(file, 6, 2), number(file, 8, 2)


def _bmp(file):
    """A negative height, in two's complement, lists the rows from the top."""
    height = number(file, 22, 4)
    return number(file, 18, 4), tf.minimum(height, 2**32 - height)


def _webp(file):
    """RFC 9649: a lossy frame, a lossless one, or a canvas for either. A chunk: name, size, data, even."""

    def after(place):
        return place + 8 + (number(file, place + 4, 4) + 1) // 2 * 2

    bits = number(file, 21, 4)
    lossless = (bits % 2**14 + 1, bits // 2**14 % 2**14 + 1)
    lossy = (number(file, 26, 2) % 2**14, number(file, 28, 2) % 2**14)
    canvas = (number(file, 24, 3) + 1, number(file, 27, 3) + 1)
    is_lossless, is_canvas = holds(file, 12, b"VP8L"), holds(file, 12, b"VP8X")
    width, height = (
        tf.where(is_canvas, canvas[k], tf.where(is_lossless, lossless[k], lossy[k]))
        for k in range(2)
    )
    exif = tf.cond(
        is_canvas, lambda: _exif(file, 12, b"EXIF", after), lambda: tf.ones((), tf.int64)
    )
    return width, height, exif


def is_animated_webp(file: tf.Tensor) -> tf.Tensor:
    return holds(file, 12, b"VP8X") & (number(file, 20, 1) // 2 % 2 == 1)


def has_opacity(file: tf.Tensor) -> tf.Tensor:
    """Whether a PNG says how opaque it is: for each pixel, or by a chunk tRNS before its pixels."""

    def step(place, found):
        found |= holds(file, place + 4, b"tRNS")
        return place + 12 + number(file, place, 4, True), found

    start = tf.constant(8, tf.int64)
    _, found = tf.while_loop(
        lambda place, _: (place < tf.size(file, tf.int64)) & ~holds(file, place + 4, b"IDAT"),
        step,
        (start, tf.constant(False)),
        maximum_iterations=MOST_SEGMENTS,
    )
    return found | (number(file, 25, 1) // 4 % 2 == 1)


def _jpeg(file):
    """From segment to segment up to the frame header, and into EXIF's on the way."""
    zero = tf.zeros((), tf.int64)

    def step(place, width, height, orientation):
        marker = number(file, place + 1, 1)
        length = number(file, place + 2, 2, True)
        frame = (marker >= 0xC0) & (marker <= 0xCF)
        frame &= (marker != 0xC4) & (marker != 0xC8) & (marker != 0xCC)  # tables, not frames
        exif = (marker == 0xE1) & holds(file, place + 4, b"Exif\0\0") & (orientation == 0)
        orientation = tf.cond(exif, lambda: _orientation(file, place + 10), lambda: orientation)
        width = tf.where(frame, number(file, place + 7, 2, True), width)
        height = tf.where(frame, number(file, place + 5, 2, True), height)
        filler = marker == 0xFF  # any number of FF may stand before a marker
        good = (number(file, place, 1) == 0xFF) & (length >= 2) & (marker != 0xDA) & ~frame
        good &= (marker >= 0xC0) & ((marker < 0xD0) | (marker > 0xD9))  # others have no length
        onwards = tf.where(filler, place + 1, tf.where(good, place + 2 + length, -1))
        return onwards, width, height, orientation

    last = tf.size(file, tf.int64) - PADDING
    _, width, height, orientation = tf.while_loop(
        lambda place, *_: (place >= 0) & (place < last),
        step,
        (zero + 2, zero, zero, zero),
        maximum_iterations=MOST_SEGMENTS,
    )
    return width, height, tf.maximum(orientation, 1)


def _orientation(file, start):
    """Tag 0x0112 of the first directory of the TIFF file that begins at `start`: 1 to 8, or 1."""
    big = holds(file, start, b"MM")

    def read(place, count):
        return tf.where(big, number(file, place, count, True), number(file, place, count))

    directory = start + read(start + 4, 4)
    count = tf.minimum(read(directory, 2), MOST_TAGS)
    entries = directory + 2 + 12 * tf.range(count)
    pairs = tf.gather(file, tf.minimum(entries[:, None] + [0, 1], tf.size(file, tf.int64) - 1))
    powers = tf.where(big, tf.constant([256, 1], tf.int64), tf.constant([1, 256], tf.int64))
    tags = tf.reduce_sum(tf.cast(pairs, tf.int64) * powers, axis=1)
    found = tf.concat([tf.boolean_mask(entries, tags == 0x0112), [-1]], 0)[0]
    value = read(found + 8, 2)
    return tf.where((found >= 0) & (value >= 1) & (value <= 8), value, 1)
