"""Pixels out of image files, against Pillow; and what is refused before it is decoded."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasrnn.data import images
from kerasrnn.data.images import decode_image, fit, read_image
from kerasrnn.errors import UserError


def picture(height=37, width=53, channels=3) -> np.ndarray:
    """A smooth picture with edges, uint8 (height, width, channels)."""
    y, x = np.mgrid[0:height, 0:width]
    layers = [(3 * x + 2 * y), 255 - 4 * x + y, (x // 8 + y // 8) % 2 * 200, 5 * x + 20]
    return (np.stack(layers[:channels], axis=-1) % 256).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


RGB = Image.fromarray(picture())
RGBA = Image.fromarray(picture(channels=4))
GREY = RGB.convert("L")
PALETTE = RGB.quantize(200)


def transparent_gif() -> bytes:
    return saved(PALETTE, "GIF", transparency=int(np.asarray(PALETTE)[3, 3]))


EXACT = {
    "png": saved(RGB, "PNG"),
    "png grey": saved(GREY, "PNG"),
    "png bits": saved(GREY.convert("1"), "PNG"),
    "png palette": saved(PALETTE, "PNG", bits=8),
    "png palette of 3 bits": saved(RGB.quantize(5), "PNG"),
    "png of one pixel": saved(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG"),
    "gif": saved(RGB, "GIF"),
    "gif grey": saved(GREY, "GIF"),
    "gif interlaced": saved(PALETTE, "GIF", interlace=1),
    "gif transparent": transparent_gif(),
    "gif animated": saved(
        RGB, "GIF", save_all=True, append_images=[GREY.convert("RGB")] * 3, comment=b"x" * 700
    ),
    "bmp": saved(RGB, "BMP"),
    "bmp grey": saved(GREY, "BMP"),
    "bmp bits": saved(GREY.convert("1"), "BMP"),
    "bmp palette": saved(PALETTE, "BMP"),
    "bmp of 32 bits": saved(RGB.convert("RGBA"), "BMP"),
    "webp lossless": saved(RGB, "WEBP", lossless=True),
}
NEAR = {  # what may differ by rounding, and by how many levels
    "png see-through": (saved(RGBA, "PNG"), 1),
    "png grey see-through": (saved(RGBA.convert("LA"), "PNG"), 1),
    "webp see-through": (saved(RGBA, "WEBP", lossless=True, exact=True), 1),
    "webp lossy": (saved(RGB, "WEBP", quality=90), 1),
    "webp lossy see-through": (saved(RGBA, "WEBP", quality=90), 1),
    "jpeg": (saved(RGB, "JPEG", quality=90), 2),
    "jpeg grey": (saved(GREY, "JPEG"), 2),
    "jpeg progressive": (saved(RGB, "JPEG", progressive=True), 2),
    "jpeg cmyk": (saved(RGB.convert("CMYK"), "JPEG"), 3),
}


def pillow(data: bytes) -> np.ndarray:
    """The first frame over white."""
    image = Image.open(io.BytesIO(data))
    if image.mode == "CMYK":
        return np.asarray(image.convert("RGB"))
    image = image.convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image))[..., :3]


@pytest.mark.parametrize("name", EXACT)
def test_a_lossless_file_gives_the_pixels_that_pillow_gives(name):
    np.testing.assert_array_equal(read_image(EXACT[name]), pillow(EXACT[name]))


@pytest.mark.parametrize("name", NEAR)
def test_another_file_gives_pillow_s_pixels_within_rounding(name):
    data, levels = NEAR[name]
    np.testing.assert_allclose(read_image(data), pillow(data), atol=levels)


def png_of_16_bits(values: np.ndarray, colour: int) -> bytes:
    """A PNG of big-endian 16-bit samples (H, W, channels)."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *values.shape[1::-1], 16, colour, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_of_sixteen_bits_the_upper_eight_are_read():
    values = np.arange(60, dtype=np.uint16).reshape(4, 5, 3) * 1000
    np.testing.assert_array_equal(read_image(png_of_16_bits(values, 2)), values >> 8)
    grey = np.repeat(values[..., :1] >> 8, 3, axis=-1)
    np.testing.assert_array_equal(read_image(png_of_16_bits(values[..., :1], 0)), grey)


def test_a_bitmap_may_list_its_rows_from_the_top():
    data = bytearray(EXACT["bmp"])
    height = struct.unpack_from("<i", data, 22)[0]
    struct.pack_into("<i", data, 22, -height)
    np.testing.assert_array_equal(read_image(bytes(data)), pillow(EXACT["bmp"])[::-1])


@pytest.mark.parametrize("little", [True, False])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_upright_as_exif_says(orientation, kind, little):
    mark, order = (b"II", "<") if little else (b"MM", ">")
    tags = [(0x010F, 3, 1, 77), (0x0112, 3, 1, orientation)]
    exif = b"Exif\0\0" + mark + struct.pack(order + "HIH", 42, 8, len(tags))
    exif += b"".join(struct.pack(order + "HHIHH", *tag, 0) for tag in tags) + b"\0" * 4
    data = saved(RGB, kind, quality=95, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_allclose(read_image(data), np.asarray(upright), atol=2)


def test_a_header_cannot_be_hidden_behind_one_that_promises_less():
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, 10, 10, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    jpeg, png = saved(RGB, "JPEG"), saved(RGB, "PNG")
    small = struct.pack(">IIBBBBB", 10, 10, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"teST" + small + struct.pack(">I", zlib.crc32(b"teST" + small))
    for mark in (b"\xff\x01", b"\xff\xd0", b"\xff\xd8", b"\xff\x40"):
        length = struct.pack(">H", 2 + len(frame))  # of no segment, as a decoder sees it
        for hidden in (
            jpeg[:2] + mark + frame + jpeg[2:],
            jpeg[:2] + mark + length + frame + jpeg[2:],
        ):
            with pytest.raises(UserError, match=r"got 0 x 0"):
                read_image(hidden)
    with pytest.raises(UserError, match=r"got 0 x 0"):
        read_image(png[:8] + chunk + png[8:])


def test_fit_is_pillow_s_stretch_of_the_whole_image():
    big = np.asarray(Image.fromarray(picture(8, 8)).resize((300, 200), Image.Resampling.BICUBIC))
    for size in (32, 224):
        stretched = Image.fromarray(big).resize((size, size), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(fit(big, size).numpy(), np.asarray(stretched), atol=1.01)
    np.testing.assert_array_equal(fit(big[:64, :64], 64), big[:64, :64])


def test_a_graph_decodes_as_python_does_and_is_exported_with_stock_operations(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def pixels(image_bytes):
        return tf.map_fn(lambda data: fit(decode_image(data), 16), image_bytes, tf.uint8)

    module = tf.Module()
    module.pixels = pixels
    tf.saved_model.save(module, str(tmp_path / "m"))
    files = [EXACT["png palette"], EXACT["gif animated"], EXACT["bmp"], NEAR["jpeg cmyk"][0]]
    files += [NEAR["webp see-through"][0]]
    served = tf.saved_model.load(str(tmp_path / "m")).pixels(tf.constant(files))
    np.testing.assert_array_equal(served, [read_image(data, 16) for data in files])


def header_only(kind: str, width: int, height: int) -> bytes:
    """A file that promises a size and holds no more."""
    small = saved(Image.new("RGB", (2, 2)), kind, **({"lossless": True} if kind == "WEBP" else {}))
    data = bytearray(small)
    if kind == "PNG":
        struct.pack_into(">II", data, 16, width, height)
    elif kind == "GIF":
        struct.pack_into("<HH", data, 6, width, height)
    elif kind == "BMP":
        struct.pack_into("<ii", data, 18, width, height)
    else:  # JPEG
        place = data.index(b"\xff\xc0")
        struct.pack_into(">HH", data, place + 5, height, width)
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "JPEG"])
@pytest.mark.parametrize("size", [(30_000, 10), (10, 30_000), (16_000, 16_000), (0, 5)])
def test_a_size_out_of_bounds_is_refused_before_decoding(kind, size):
    with pytest.raises(
        UserError, match=rf"must be 1 to 16384 pixels wide.*got {size[0]} x {size[1]}"
    ):
        read_image(header_only(kind, *size))


def test_a_webp_canvas_out_of_bounds_is_refused():
    data = bytearray(NEAR["webp lossy see-through"][0])
    data[24:27] = (16_383).to_bytes(3, "little")
    data[27:30] = (16_383).to_bytes(3, "little")
    with pytest.raises(UserError, match="got 16384 x 16384"):
        read_image(bytes(data))


HOSTILE = {
    "nothing": (b"", "must hold bytes"),
    "a text renamed": (b"once upon a time " * 99, "must be JPEG, PNG, GIF, BMP or WebP"),
    "one byte": (b"B", "must be JPEG"),
    "animated webp": (
        saved(RGB, "WEBP", save_all=True, append_images=[RGB.transpose(0)]),
        "must not be an animated WebP",
    ),
    "a jpeg of many scans": (NEAR["jpeg"][0] + b"\xff\xda" * 300, "at most 200 scans"),
    "a compressed bmp": (EXACT["bmp"][:30] + b"\1" + EXACT["bmp"][31:], "BMP without compression"),
    "a gif without a frame": (EXACT["gif"][:13] + b"\0" * 900, "GIF"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence(name):
    data, sentence = HOSTILE[name]
    with pytest.raises(UserError, match=sentence) as refusal:
        read_image(data)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 200


WHOLE = {name: EXACT[name] for name in ("png", "gif", "gif animated", "bmp", "webp lossless")}
WHOLE["jpeg"] = NEAR["jpeg"][0]


@pytest.mark.parametrize("name", WHOLE)
def test_a_truncated_file_is_refused_or_read_but_never_crashes(name):
    data = WHOLE[name]
    for share in (0.02, 0.1, 0.3, 0.6, 0.9):
        with contextlib.suppress(UserError):
            assert read_image(data[: int(len(data) * share)]).shape == (37, 53, 3)


def test_bytes_changed_at_random_never_crash():
    rng = np.random.default_rng(0)
    for data in WHOLE.values():
        for _ in range(15):
            bad = bytearray(data)
            for place in rng.integers(0, len(bad), 4):
                bad[place] = rng.integers(256)
            with contextlib.suppress(UserError):
                assert read_image(bytes(bad), 8).shape == (8, 8, 3)


def test_a_file_over_the_bound_or_missing_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    with pytest.raises(UserError, match="must be a file"):
        read_image(path)
    path.write_bytes(EXACT["png"])
    np.testing.assert_array_equal(read_image(path), pillow(EXACT["png"]))
    monkeypatch.setattr(images, "MOST_BYTES", 100)
    with pytest.raises(UserError, match="at most 100 bytes"):
        read_image(path)
