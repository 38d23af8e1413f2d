"""Audio files become waveforms: whole, or block after block in constant memory.

Whatever libsndfile reads (wav of 8 to 32 bits or float, aiff, flac, ogg, mp3, …), at any rate from 100 Hz on;
channels are averaged, another rate is made by soxr. Samples are float32 at full scale ±1.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from kerasrnn.checks import LOUDEST
from kerasrnn.data import tfio
from kerasrnn.errors import UserError

MOST_SECONDS = 600.0  # of a file that is read whole
BLOCK_SECONDS = 60.0  # read at once of a file that is read block by block, at most
BLOCK_SAMPLES = 2**24  # likewise, of all its channels: 64 MiB
LEAST_RATE, MOST_RATE = 100, 768_000  # Hz, of a file
MOST_CHANNELS = 64
SUFFIXES = frozenset({".wav", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".mp3", ".au", ".w64"})


@dataclass(frozen=True)
class AudioFile:
    """What a file's header says.

    Attributes:
        path: where it lies.
        rate: Hz.
        channels: averaged when read.
        seconds: its length; infinite where the header does not know, as of a recorder that was cut off.
        kind, subtype: as soundfile names them.
    """

    path: Path
    rate: int
    channels: int
    seconds: float
    kind: str
    subtype: str


def audio_file(path: str | Path) -> AudioFile:
    """A file's header, checked.

    Raises:
        UserError: if it is missing, no audio, or of a rate or number of channels that is refused.
    """
    with _opened(Path(path)) as file:
        return _header(Path(path), file)


def read_audio(
    path: str | Path, rate: int, *, start: float | None = None, most_seconds: float = MOST_SECONDS
) -> np.ndarray:
    """A whole file, or what follows its `start`.

    Args:
        rate: Hz, wanted.
        start: seconds, of where to begin; for a file that can be sought in.
        most_seconds: with a start, so much is read; without, a longer file is refused.
    Returns:
        float32 (samples,), at least one.
    Raises:
        UserError: if it cannot be read, or holds no samples, too many, or some that are not finite.
    """
    header = audio_file(path)
    if start is None and header.seconds > most_seconds:
        length = f"lasts {header.seconds:,.0f} s" if np.isfinite(header.seconds) else "has no end"
        raise UserError(
            f"An audio file that is read whole must last at most {most_seconds:g} s, but {path} {length}; "
            "cut it, or give it to `kerasrnn detect` where the app detects."
        )
    samples = _decoded(header) if start is None else None
    if samples is None:
        samples = _some(header, start or 0.0, most_seconds)
    if not len(samples):
        raise UserError(f"An audio file must hold samples, but {path} holds none.")
    return resample(samples, header.rate, rate)


def audio_blocks(
    path: str | Path, rate: int, seconds: float = BLOCK_SECONDS
) -> Iterator[np.ndarray]:
    """A file of any length, about `seconds` at a time; together, `read_audio` of all of it.

    Args:
        rate: Hz, wanted.
    Yields:
        float32 (samples,), some of which may be empty.
    Raises:
        UserError: as `read_audio`, but for the length.
    """
    header = audio_file(path)
    same = header.rate == rate
    stream = None if same else soxr.ResampleStream(header.rate, rate, 1, "float32", "HQ")
    empty = True
    for block in _blocks(header, max(1, round(seconds * header.rate))):
        empty &= not len(block)
        yield block if same else stream.resample_chunk(block)
    if empty:
        raise UserError(f"An audio file must hold samples, but {path} holds none.")
    if not same:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """float32 (samples,) at `rate` Hz as (samples wanted / rate,) at `wanted` Hz, band-limited."""
    if rate == wanted:
        return samples
    heard = soxr.resample(samples, rate, wanted, "HQ")
    return heard if len(heard) else np.zeros(1, np.float32)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    if path.suffix.lower() == ".raw":
        raise UserError(f"An audio file must have a header, but {path} is raw; make it a WAV.")
    if not path.is_file():
        raise UserError(f"An audio file must be a file, but {path} is none.")
    try:
        with open(path, "rb") as bytes_, soundfile.SoundFile(bytes_) as file:
            yield file
    except (soundfile.LibsndfileError, OSError) as error:
        reason = getattr(error, "error_string", None) or str(error)
        raise UserError(f"{path} cannot be read as audio: {reason.rstrip('.')}.") from None


def _header(path: Path, file: soundfile.SoundFile) -> AudioFile:
    if not LEAST_RATE <= file.samplerate <= MOST_RATE:
        raise UserError(
            f"An audio file's rate must be {LEAST_RATE} to {MOST_RATE:,} Hz, got {file.samplerate:,} "
            f"({path})."
        )
    if not 1 <= file.channels <= MOST_CHANNELS:
        raise UserError(
            f"An audio file must have 1 to {MOST_CHANNELS} channels, got {file.channels} ({path})."
        )
    known = 0 <= file.frames < 2**56
    seconds = file.frames / file.samplerate if known else float("inf")
    return AudioFile(path, file.samplerate, file.channels, seconds, file.format, file.subtype)


def _blocks(header: AudioFile, count: int, start: int = 0) -> Iterator[np.ndarray]:
    """(samples,) of `count` each, but for the last, or less where there are many channels."""
    count = min(count, BLOCK_SAMPLES // header.channels)
    with _opened(header.path) as file:
        if start:
            file.seek(min(start, file.frames))
        place = start
        while len(block := file.read(count, dtype="float32", always_2d=True)):
            yield _mono(block, header, place)
            place += len(block)


def _some(header: AudioFile, start: float, seconds: float) -> np.ndarray:
    left, parts = round(seconds * header.rate), []
    for block in _blocks(header, min(left, 2**20), round(start * header.rate)):
        parts.append(block[:left])
        left -= len(parts[-1])
        if left <= 0:
            break
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _decoded(header: AudioFile) -> np.ndarray | None:
    """The whole file as tensorflow-io decodes it, where it does."""
    if header.kind not in tfio.DECODERS or not tfio.decodes():
        return None
    samples = tfio.decode(header.path.read_bytes(), header.kind, header.subtype)
    return None if samples is None else _mono(samples, header, 0)


def _mono(block: np.ndarray, header: AudioFile, place: int) -> np.ndarray:
    """The channels' mean, (samples,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
    good = np.abs(mean) <= LOUDEST  # which NaN is not either
    if not good.all():
        at = (place + int(np.argmin(good))) / header.rate
        raise UserError(
            f"An audio file's samples must be finite and at most {LOUDEST:,.0f} times full scale; at "
            f"{at:.2f} s, {header.path}'s are not."
        )
    return np.ascontiguousarray(mean)
