"""WAV files inside a graph, by stock operations, for models that are served: bytes → waveforms at one rate.

PCM of 8, 16, 24 and 32 bits and float of 32 and 64, plain or extensible, any channels (averaged) and rate.
"""

from collections.abc import Callable

import tensorflow as tf

from kerasrnn.checks import bearable, checked, checked_rows

MOST_SECONDS = 600  # of a file
GROUP_SECONDS = MOST_SECONDS  # of files that are heard together, padded to the longest
MOST_TOGETHER = 3600  # seconds of all files of a request
CHUNKS = 1000  # that are looked through for those that count
RATES = (100, 768_000)  # Hz
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


class WavFiles:
    """Files whose headers have been looked at; their samples are decoded when they are heard.

    Args:
        files: string (B,).
        rate: Hz, wanted.
    Attributes:
        lengths: int64 (B,), samples of each at `rate`: of S samples at R Hz, ⌈S rate / R⌉.
    Raises:
        tf.errors.InvalidArgumentError: that says "A WAV file must …" and what came.
    """

    def __init__(self, files: tf.Tensor, rate: int):
        self._rate = rate
        self._files, self._form, self._given, (self._body, self._size), samples = _headers(files)
        self.lengths = -(-samples * rate // self._given)
        seconds = tf.reduce_sum(self.lengths) // rate
        said = f"The WAV files of a request must last at most {MOST_TOGETHER} s together, got {{}}."
        good = seconds <= MOST_TOGETHER
        self.lengths = checked(good, tf.strings.format(said, seconds), self.lengths)

    def sound(self, row: tf.Tensor) -> tf.Tensor:
        """One file's samples, float32 (lengths[row],), full scale ±1, the channels' mean."""
        body, size = (tf.cast(x[row], tf.int32) for x in (self._body, self._size))
        kind, bits, channels = (field[row] for field in self._form)
        raw = tf.strings.substr(self._files[row], body, size)
        samples = tf.reshape(_samples(raw, kind, bits), [-1, tf.cast(channels, tf.int32)])
        audio = tf.reduce_mean(samples, axis=1)
        said = "A WAV file's samples must be finite, and at most 10,000,000,000 times full scale."
        audio = checked(bearable(audio), said, audio)
        given = self._given[row]
        return tf.cond(
            given == self._rate, lambda: audio, lambda: resample(audio, given, self._rate)
        )

    def heard(self, hear: Callable[[tf.Tensor, tf.Tensor], dict], kinds: dict) -> dict:
        """What `hear` makes of the files: of all at once or, where that would be large, of groups.

        Files of like lengths share a group, which lasts GROUP_SECONDS at most: so neither a long file among
        short ones nor many long ones take more memory than that.

        Args:
            hear: audio float32 (b, S), silent behind each end, and lengths int64 (b,) → {name: (b, …)}.
            kinds: {name: TensorSpec}; a None after the first is an axis that is -1 behind a row's own.
        Returns:
            {name: (B, …)}, in the order of the files.
        """
        order = tf.argsort(self.lengths, stable=True)
        lengths, rows = tf.gather(self.lengths, order), tf.size(order)
        most = tf.constant([int(GROUP_SECONDS * self._rate)], tf.int64)

        def more(start, found):
            padded = lengths[start:] * tf.range(1, rows - start + 1, dtype=tf.int64)
            stop = start + tf.maximum(tf.searchsorted(padded, most, side="right")[0], 1)
            sounds = tf.map_fn(
                self.sound,
                order[start:stop],
                fn_output_signature=tf.RaggedTensorSpec([None], tf.float32, 0),
            )
            heard = hear(sounds.to_tensor(), lengths[start:stop])
            for name, spec in kinds.items():
                heard[name] = tf.ensure_shape(_under(found[name], heard[name]), spec.shape)
            return stop, heard

        shapes = {name: spec.shape for name, spec in kinds.items()}
        none = {n: tf.zeros([x or 0 for x in shapes[n]], kinds[n].dtype) for n in kinds}
        _, found = tf.while_loop(
            lambda start, _: start < rows, more, (0, none), (tf.TensorShape([]), shapes)
        )
        back = tf.argsort(order)
        return {name: tf.gather(value, back) for name, value in found.items()}


def _under(above: tf.Tensor, below: tf.Tensor) -> tf.Tensor:
    """Both, one under the other, (A + B, …), with -1 behind what is narrower."""
    if above.shape.rank == 1:
        return tf.concat([above, below], 0)
    widest = tf.maximum(tf.shape(above), tf.shape(below))[1:]
    both = []
    for part in (above, below):
        missing = tf.concat([[0], widest - tf.shape(part)[1:]], 0)
        padding = tf.stack([tf.zeros_like(missing), missing], 1)
        both.append(tf.pad(part, padding, constant_values=-1))
    return tf.concat(both, 0)


def _headers(files: tf.Tensor):
    """Files' headers, checked, each field int64 (B,).

    Returns:
        The files; (format, bits, channels); rate; (begin, size) of the samples' bytes; how many samples.
    """
    begun = _bytes(files, tf.zeros_like(tf.strings.length(files), tf.int64), 12)
    whole = tf.reduce_all(
        tf.gather(begun, [*range(4), *range(8, 12)], axis=1) == list(b"RIFFWAVE"), 1
    )
    files = checked(whole, "A WAV file must begin with RIFF and WAVE.", files)
    (form, _), (body, size) = _chunk(files, b"fmt "), _chunk(files, b"data")
    there = (form > 0) & (body > 0)
    files = checked(there, "A WAV file must hold a chunk fmt and a chunk data.", files)
    kind, channels, bits = (_number(files, form + at, 2) for at in (0, 2, 14))
    given = _number(files, form + 4, 4)
    kind = tf.where(kind == EXTENSIBLE, _number(files, form + 24, 2), kind)
    known = ((kind == PCM) & _among(bits, (8, 16, 24, 32))) | (
        (kind == FLOAT) & _among(bits, (32, 64))
    )
    said = "A WAV file must hold PCM of 8 to 32 bits or float, got format {} of {} bits."
    files = checked_rows(known, said, (kind, bits), files)
    said = (
        f"A WAV file must have 1 to 64 channels and {RATES[0]} to {RATES[1]} Hz, got {{}} and {{}}."
    )
    fits = (channels > 0) & (channels <= 64) & (given >= RATES[0]) & (given <= RATES[1])
    files = checked_rows(fits, said, (channels, given), files)
    with tf.control_dependencies([files]):
        given = tf.identity(given)
    wide = tf.maximum(channels, 1) * tf.maximum(bits // 8, 1)
    size = tf.minimum(size, tf.cast(tf.strings.length(files), tf.int64) - body) // wide * wide
    samples = size // wide
    said = f"A WAV file must hold samples of at most {MOST_SECONDS} s, got {{}}."
    fits = (samples > 0) & (samples <= MOST_SECONDS * given)
    samples = checked_rows(fits, said, (samples,), samples)
    return files, (kind, bits, channels), given, (body, size), samples


def _among(value: tf.Tensor, some: tuple[int, ...]) -> tf.Tensor:
    return tf.reduce_any(value[:, None] == list(some), 1)


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


def _chunk(files: tf.Tensor, name: bytes) -> tuple[tf.Tensor, tf.Tensor]:
    """Where each file's first chunk called `name` has its body, and the body's size; 0 and 0 without one."""
    end = tf.cast(tf.strings.length(files), tf.int64)

    def missed(at):
        """Whether a chunk with another name begins there."""
        return (at + 8 <= end) & tf.reduce_any(_bytes(files, at, 4) != list(name), 1)

    def following(at):
        size = _number(files, at + 4, 4)
        return (tf.where(missed(at), at + 8 + size + size % 2, at),)

    at = tf.while_loop(
        lambda at: tf.reduce_any(missed(at)),
        following,
        (tf.fill(tf.shape(files), tf.constant(12, tf.int64)),),
        maximum_iterations=CHUNKS,
    )[0]
    there = (at + 8 <= end) & ~missed(at)
    return tf.where(there, at + 8, 0), tf.where(there, _number(files, at + 4, 4), 0)


def _bytes(files: tf.Tensor, at: tf.Tensor, size: int) -> tf.Tensor:
    """`size` bytes of each file from `at` (B,) on, int64 (B, size); past its end there is 0."""
    at = tf.minimum(at, tf.cast(tf.strings.length(files), tf.int64))
    some = tf.strings.substr(files, at, tf.fill(tf.shape(at), tf.constant(size, tf.int64)))
    return tf.cast(tf.io.decode_raw(some, tf.uint8, fixed_length=size), tf.int64)


def _number(files: tf.Tensor, at: tf.Tensor, size: int) -> tf.Tensor:
    """The number in `size` bytes at `at`, (B,), the smallest first."""
    return tf.reduce_sum(_bytes(files, at, size) * [256**k for k in range(size)], 1)


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
