"""Recordings of any number and length, decoded once: int16 at one rate, in memory, or mapped from a file.

magic   count   samples of each   all samples, one recording after the other
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.cores import allowed
from kerasrnn.data.audio import AudioFile, audio_file, read_audio
from kerasrnn.data.feature_cache import cache_folder, require_room
from kerasrnn.errors import UserError
from kerasrnn.files import whole_file
from kerasrnn.notice import tell

FULL_SCALE = 32767
IN_MEMORY = 2**28  # bytes of samples that are held in memory; more are mapped from a file
LISTED = 1000  # complaints that are told, at most: whoever is to mend the files wants all
AT_ONCE = 256  # files whose waveforms are held while they are decoded
MAGIC = b"kerasrnn sounds\1"


@dataclass(frozen=True)
class Sounds:
    """Waveforms of unlike lengths, end to end.

    Attributes:
        samples: int16 (all samples,), full scale 32,767.
        lengths: int64 (N,), samples of each.
    """

    samples: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, waveforms: Sequence[np.ndarray]) -> "Sounds":
        """From float32 (samples,) each, full scale ±1; what is louder is clipped."""
        parts = [as_int16(sound) for sound in waveforms]
        lengths = np.array([len(part) for part in parts], np.int64)
        return cls(np.concatenate(parts) if parts else np.zeros(0, np.int16), lengths)

    def __getitem__(self, place: int) -> np.ndarray:
        """One waveform, float32 (samples,), full scale ±1."""
        begin, end = self._edges[place], self._edges[place + 1]
        return self.samples[begin:end] / np.float32(FULL_SCALE)

    @cached_property
    def _edges(self) -> np.ndarray:
        """Where each begins, and the end of the last."""
        return np.concatenate([[0], np.cumsum(self.lengths)])

    def reader(self) -> Callable:
        """(places int64 (B,), longest int64) -> int16 (B, longest), silence behind each; in a tf.data graph."""
        edges = self._edges

        def rows(places: np.ndarray, longest: np.ndarray) -> np.ndarray:
            batch = np.zeros((len(places), int(longest)), np.int16)
            for row, place in zip(batch, places, strict=True):
                row[: self.lengths[place]] = self.samples[edges[place] : edges[place + 1]]
            return batch

        def read(places: tf.Tensor, longest: tf.Tensor) -> tf.Tensor:
            batch = tf.numpy_function(rows, [places, longest], tf.int16, stateful=False)
            return tf.ensure_shape(batch, [None, None])

        return read


def as_int16(sound: np.ndarray) -> np.ndarray:
    """float32 of full scale ±1 as int16."""
    return np.round(np.clip(sound, -1, 1) * FULL_SCALE).astype(np.int16)


def full_scale(samples: tf.Tensor) -> tf.Tensor:
    """int16 as float32 of full scale ±1."""
    return tf.cast(samples, tf.float32) / FULL_SCALE


def readable(paths: Sequence[Path], longest: float, skip: bool = False) -> list[int]:
    """Which files can be read, and last `longest` seconds at most: their places. What is too long is told.

    Raises:
        UserError: that lists those that cannot be read, unless `skip` leaves them out, which is told; or if
            none is left.
    """
    headers = _headers(paths)
    bad = [said for said in headers if isinstance(said, str)]
    if bad and not skip:
        raise _unusable(bad, len(paths), "--set skip=true leaves them out")
    if bad:
        tell(f"{len(bad):,} recordings cannot be used and are left out: {bad[0]}")
    good = [place for place, one in enumerate(headers) if not isinstance(one, str)]
    short = [place for place in good if headers[place].seconds <= longest]
    if len(short) < len(good):
        tell(
            f"{len(good) - len(short):,} recordings last more than longest={longest:g} s and are left out, "
            f"such as {next(headers[place].path for place in good if headers[place].seconds > longest)}."
        )
    if not short:
        raise UserError(
            f"Of {len(paths):,} recordings there must be one that can be used and lasts at most "
            f"longest={longest:g} s, got none."
        )
    return short


def require_readable(paths: Sequence[Path]) -> None:
    """Refuse files whose headers cannot be read, or promise no samples.

    Raises:
        UserError: that lists them.
    """
    bad = [said for said in _headers(paths) if isinstance(said, str)]
    if bad:
        raise _unusable(bad, len(paths), "mend them, or take them away")


def _headers(paths: Sequence[Path]) -> list[AudioFile | str]:
    """What the header of each file says, or why it cannot be used."""

    def header(path: Path) -> AudioFile | str:
        try:
            found = audio_file(path)
        except UserError as error:
            return str(error)
        return found if found.seconds else f"{path} holds no samples."

    with ThreadPoolExecutor(allowed()) as pool:
        return list(pool.map(header, paths))


def _unusable(complaints: list[str], count: int, way_out: str) -> UserError:
    more = f" And {len(complaints) - LISTED:,} more." if len(complaints) > LISTED else ""
    return UserError(
        f"{len(complaints):,} of {count:,} recordings cannot be used ({way_out}): "
        f"{' '.join(complaints[:LISTED])}{more}"
    )


def decoded(paths: Sequence[Path], rate: int, held: int = IN_MEMORY) -> Sounds:
    """Files at `rate` Hz; in memory if that is `held` bytes at most, else in a file that is kept for later.

    Raises:
        UserError: if one cannot be decoded, or the disk has no room.
    """
    headers = [audio_file(path) for path in paths]
    size = 2 * sum(int(header.seconds * rate) + 1 for header in headers)
    if size <= held:
        return Sounds.of(list(waveforms(paths, rate)))
    folder = cache_folder() / "speech"
    path = folder / f"{_content(paths, rate)}.rows"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        require_room(path, size, f"{len(paths):,} recordings")
        tell(f"Decoding {len(paths):,} recordings into {path}, {size / 2**30:.1f} GiB.")
        _write(path, paths, rate)
    return _mapped(path)


def waveforms(paths: Sequence[Path], rate: int):
    """float32 (samples,) of each file, in order, decoded by as many threads as there are cores.

    Raises:
        UserError: behind the last, that lists those that cannot be decoded.
    """

    def waveform(path: Path) -> np.ndarray | str:
        try:
            return read_audio(path, rate)
        except UserError as error:
            return str(error)

    bad = []
    with ThreadPoolExecutor(allowed()) as pool:
        for first in range(0, len(paths), AT_ONCE):
            for sound in pool.map(waveform, paths[first : first + AT_ONCE]):
                if isinstance(sound, str):
                    bad.append(sound)
                else:
                    yield sound
    if bad:
        raise _unusable(bad, len(paths), "mend them, or take them away")


def _content(paths: Sequence[Path], rate: int) -> str:
    """What names a decoded corpus: its files, their sizes and times, and the rate."""
    stats = [(str(path.absolute()), path.stat()) for path in paths]
    rows = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    return hashlib.sha256(json.dumps([rate, rows]).encode("utf-8", "surrogateescape")).hexdigest()


def _write(path: Path, paths: Sequence[Path], rate: int) -> None:
    """Samples first into their places, then what they are; the file takes its name when it is whole."""
    lengths = np.zeros(len(paths), "<i8")
    try:
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            file.seek(len(MAGIC) + 8 + lengths.nbytes)
            for place, sound in enumerate(waveforms(paths, rate)):
                lengths[place] = len(sound)
                file.write(as_int16(sound).astype("<i2").tobytes())
            file.seek(0)
            file.write(MAGIC + np.int64(len(paths)).astype("<i8").tobytes() + lengths.tobytes())
    except OSError as error:
        raise UserError(f"Speech cannot be kept in {path}: {error.strerror}.") from None


def _mapped(path: Path) -> Sounds:
    os.utime(path)  # the last that is used is the last to go
    with open(path, "rb") as file:
        magic = file.read(len(MAGIC))
        count = int.from_bytes(file.read(8), "little")
        whole = magic == MAGIC and count * 8 < path.stat().st_size
        lengths = np.frombuffer(file.read(8 * count) if whole else b"", "<i8")
    begin = len(MAGIC) + 8 + lengths.nbytes
    if not whole or path.stat().st_size != begin + 2 * int(lengths.sum()):
        raise UserError(f"{path} must be a cache of speech, but is not; delete it.")
    samples = np.memmap(path, "<i2", "r", begin, (int(lengths.sum()),))
    return Sounds(samples, lengths)
