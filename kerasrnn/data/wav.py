"""WAV files inside a graph, by stock operations, for models that are served: bytes → waveform at one rate.

PCM of 8, 16, 24 and 32 bits and float of 32 and 64, plain or extensible, any channels (averaged) and rate.
"""

import tensorflow as tf

MOST_SECONDS = 600  # of a file
HEAD = 64  # zeros behind a file, so that no field is read past its end
CHUNKS = 1000  # that are looked through for those that count
RATES = (100, 768_000)  # Hz
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def decode_wav(data: tf.Tensor, rate: int) -> tf.Tensor:
    """The samples of a WAV file.

    Args:
        data: the file, a string scalar.
        rate: Hz, wanted.
    Returns:
        float32 (S,), full scale ±1, the channels' mean.
    Raises:
        tf.errors.InvalidArgumentError: that says "A WAV file must …" and what came.
    """
    data, form, given, place = _header(data)
    body, size = place
    raw = tf.strings.substr(data, tf.cast(body, tf.int32), tf.cast(size, tf.int32))
    kind, bits, channels = form
    samples = tf.reshape(_samples(raw, kind, bits), [-1, tf.cast(channels, tf.int32)])
    audio = tf.reduce_mean(samples, axis=1)
    finite = tf.reduce_all(tf.math.is_finite(audio))
    audio = _checked(finite, "A WAV file's samples must be finite.", audio)
    return tf.cond(given == rate, lambda: audio, lambda: resample(audio, given, rate))


def _header(data: tf.Tensor):
    """A file's header, checked: the file, (format, bits, channels), rate, (begin, size) of its samples."""
    file = tf.concat([tf.io.decode_raw(data, tf.uint8), tf.zeros(HEAD, tf.uint8)], 0)
    whole = (file[:4] == list(b"RIFF")) & (file[8:12] == list(b"WAVE"))
    data = _checked(tf.reduce_all(whole), "A WAV file must begin with RIFF and WAVE.", data)
    with tf.control_dependencies([data]):
        file = tf.identity(file)
    (form, _), (body, size) = _chunk(file, b"fmt "), _chunk(file, b"data")
    there = (form > 0) & (body > 0)
    data = _checked(there, "A WAV file must hold a chunk fmt and a chunk data.", data)
    kind, channels, bits = (_number(file, form + at, 2) for at in (0, 2, 14))
    given = _number(file, form + 4, 4)
    kind = tf.where(kind == EXTENSIBLE, _number(file, form + 24, 2), kind)
    known = ((kind == PCM) & tf.reduce_any(bits == [8, 16, 24, 32])) | (
        (kind == FLOAT) & tf.reduce_any(bits == [32, 64])
    )
    said = "A WAV file must hold PCM of 8 to 32 bits or float, got format {} of {} bits."
    data = _checked(known, tf.strings.format(said, (kind, bits)), data)
    said = (
        f"A WAV file must have 1 to 64 channels and {RATES[0]} to {RATES[1]} Hz, got {{}} and {{}}."
    )
    fits = (channels > 0) & (channels <= 64) & (given >= RATES[0]) & (given <= RATES[1])
    data = _checked(fits, tf.strings.format(said, (channels, given)), data)
    channels = tf.maximum(channels, 1)
    wide = channels * tf.maximum(bits // 8, 1)
    size = tf.minimum(size, tf.size(file, tf.int64) - HEAD - body) // wide * wide
    said = f"A WAV file must hold samples of at most {MOST_SECONDS} s, got {{}}."
    fits = (size > 0) & (size // wide <= MOST_SECONDS * given)
    data = _checked(fits, tf.strings.format(said, size // wide), data)
    return data, (kind, bits, channels), given, (body, size)


def resample(audio: tf.Tensor, given: tf.Tensor, wanted: int) -> tf.Tensor:
    """(S,) at `given` Hz as (⌈S wanted / given⌉,) at `wanted` Hz, band-limited by one Fourier transform.

    The signal is continued by its mirror image, so that its ends do not ring into each other; the last 5 %
    below the lower of the two Nyquist frequencies are faded out.
    """
    given = tf.cast(given, tf.int64)
    count = tf.size(audio, tf.int64)
    unit = given // _common(given, tf.constant(wanted, tf.int64))  # samples that make whole ones
    blocks = -(-(count + unit) // unit)
    edge = tf.concat([audio, tf.repeat(audio[-1:], blocks * unit - count)], 0)
    both = tf.concat([edge, edge[::-1]], 0)
    made = 2 * blocks * unit * wanted // given
    spectrum = tf.signal.rfft(both)
    bins = tf.cast(tf.range(tf.size(spectrum)), tf.float32)
    nyquist = tf.cast(tf.minimum(tf.size(both, tf.int64), made), tf.float32) / 2
    fade = tf.clip_by_value((1 - bins / nyquist) / 0.05, 0, 1)
    fade = tf.cast(tf.sin(fade * (3.14159265 / 2)) ** 2, tf.complex64)
    bins = tf.cast(made // 2 + 1, tf.int32)
    spectrum = tf.concat([spectrum * fade, tf.zeros([bins], tf.complex64)], 0)[:bins]
    heard = tf.signal.irfft(spectrum, [tf.cast(made, tf.int32)])
    heard *= tf.cast(wanted, tf.float32) / tf.cast(given, tf.float32)
    return heard[: -(-count * wanted // given)]


def _common(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """The greatest common divisor."""
    return tf.while_loop(lambda a, b: b > 0, lambda a, b: (b, a % b), (a, b))[0]


def _chunk(file: tf.Tensor, name: bytes) -> tuple[tf.Tensor, tf.Tensor]:
    """Where the first chunk called `name` has its body, and the body's size; 0 and 0 if there is none."""
    end = tf.size(file, tf.int64) - HEAD

    def named(at):
        return tf.reduce_all(file[at : at + 4] == list(name))

    def following(at):
        size = _number(file, at + 4, 4)
        return at + 8 + size + size % 2

    at = tf.while_loop(
        lambda at: (at + 8 <= end) & ~named(at),
        lambda at: (following(at),),
        (tf.constant(12, tf.int64),),
        maximum_iterations=CHUNKS,
    )[0]
    there = (at + 8 <= end) & named(at)
    at = tf.where(there, at, 0)
    return tf.where(there, at + 8, 0), tf.where(there, _number(file, at + 4, 4), 0)


def _number(file: tf.Tensor, at: tf.Tensor, size: int) -> tf.Tensor:
    """`size` bytes at `at`, the smallest first; past the end there is 0."""
    at = tf.minimum(at, tf.size(file, tf.int64) - size)
    digits = tf.cast(file[at : at + size], tf.int64)
    return tf.reduce_sum(digits * [256**k for k in range(size)])


def _samples(raw: tf.Tensor, kind: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Bytes as float32 (S,), full scale ±1."""

    def pcm(dtype, scale, zero=0.0):
        return lambda: (tf.cast(tf.io.decode_raw(raw, dtype), tf.float32) - zero) / scale

    def three():
        low = tf.reshape(tf.cast(tf.io.decode_raw(raw, tf.uint8), tf.int32), [-1, 3])
        value = tf.reduce_sum(low * [1, 256, 65536], axis=1)
        return tf.cast(tf.where(value >= 2**23, value - 2**24, value), tf.float32) / 2**23

    readers = {
        (PCM, 8): pcm(tf.uint8, 128.0, 128.0),
        (PCM, 16): pcm(tf.int16, 2.0**15),
        (PCM, 24): three,
        (PCM, 32): pcm(tf.int32, 2.0**31),
        (FLOAT, 32): pcm(tf.float32, 1.0),
        (FLOAT, 64): pcm(tf.float64, 1.0),
    }
    which = [(kind == k) & (bits == b) for k, b in readers]
    return tf.case(list(zip(which, readers.values(), strict=True)), default=lambda: tf.zeros([0]))


def _checked(good: tf.Tensor, refusal, passed: tf.Tensor) -> tf.Tensor:
    """`passed`, which nothing can read before `good` has been seen to hold; nor is that looked at before."""
    with tf.control_dependencies([passed]):
        looked = tf.debugging.Assert(good, [refusal])
    with tf.control_dependencies([looked]):
        return tf.identity(passed)
