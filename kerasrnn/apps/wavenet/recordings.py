"""Where sound comes from: a folder of audio, Debian's drum kits, or generated instruments."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from kerasrnn.apps.wavenet import instruments
from kerasrnn.apps.wavenet.config import Config
from kerasrnn.data.audio import SUFFIXES, audio_blocks
from kerasrnn.data.sounds import require_readable
from kerasrnn.data.splits import SPLITS, side
from kerasrnn.errors import UserError
from kerasrnn.layers.companding import quantise
from kerasrnn.notice import tell

DRUMKITS = Path("/usr/share/hydrogen/data/drumkits")  # of Debian's hydrogen-drumkits
PIECE = 10.0  # seconds; a longer recording is dealt out to the splits piece by piece


@dataclass(frozen=True)
class Recordings:
    """Sounds as µ-law codes.

    Attributes:
        codes: uint8 (samples,) each.
        kinds: int (N,), the class of each.
    """

    codes: list[np.ndarray]
    kinds: np.ndarray

    @property
    def samples(self) -> int:
        return sum(map(len, self.codes))


@dataclass(frozen=True)
class Source:
    """Sounds, dealt out to the splits.

    Attributes:
        name: where they came from.
        classes: their names; () where there are none.
        splits: {"train" | "valid" | "test" | "all": sounds}.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, Recordings]


def open_source(path: str | None, config: Config) -> Source:
    """A folder of audio files, its subfolders classes; or (None) drum kits, or generated instruments.

    Where all audio files lie in subfolders, their names are the classes. A hash of a file's path below the
    folder, and of the number of the ten seconds in it, decides about the split. Files are read in an order that
    mixes the classes, so that `seconds` cuts none of them off before another.

    Raises:
        UserError: if there is no sound, a file cannot be read, or a split has none.
    """
    if path is None:
        return _default(config)
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"wavenet reads a folder of audio files, but {folder} is none.")
    return _folder(folder, config)


def _default(config: Config) -> Source:
    if config.default == "drumkits" and not DRUMKITS.is_dir():
        raise UserError(f"There are no drum kits in {DRUMKITS}: install hydrogen-drumkits.")
    if config.default != "instruments" and DRUMKITS.is_dir():
        tell(f"Its sounds are the recordings in {DRUMKITS}, one class a kit.")
        return _folder(DRUMKITS, config)
    tell("Its sounds are generated instruments, not recordings.")
    made = {}
    for split in SPLITS:
        some = config.seconds and max(
            len(instruments.INSTRUMENTS), round(config.seconds / instruments.SECONDS)
        )
        count = min(instruments.COUNTS[split], some or instruments.COUNTS[split])
        sounds, names = instruments.notes(split, config.rate, count)
        kinds = np.array([list(instruments.INSTRUMENTS).index(name) for name in names])
        made[split] = Recordings(as_codes(sounds), kinds)
    return Source("generated instruments", tuple(instruments.INSTRUMENTS), _with_all(made))


def _folder(folder: Path, config: Config) -> Source:
    files = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in SUFFIXES]
    if not files:
        raise UserError(f"{folder} must hold audio files ({', '.join(sorted(SUFFIXES))}).")
    require_readable(files)
    parts = [file.relative_to(folder).parts for file in files]
    classes = tuple(sorted({part[0] for part in parts}))
    if any(len(part) == 1 for part in parts) or len(classes) < 2:
        classes = ()
    owned = {split: ([], []) for split in SPLITS}
    left = dict.fromkeys(SPLITS, round(config.seconds * config.rate) or np.inf)
    pairs = zip(files, parts, strict=True)
    for file, part in sorted(pairs, key=lambda pair: crc32("/".join(pair[1]).encode())):
        kind = classes.index(part[0]) if classes else 0
        if any(left.values()):
            _deal(file, "/".join(part), kind, config.rate, owned, left)
    made = {split: Recordings(codes, np.array(kinds)) for split, (codes, kinds) in owned.items()}
    empty = [split for split, sounds in made.items() if not sounds.samples]
    if empty:
        raise UserError(
            f"{folder} must hold sound for each split, but its {len(files):,} files give none to "
            f"{' and '.join(empty)}; add files (a longer one counts once for every {PIECE:g} s)."
        )
    return Source(str(folder), classes, _with_all(made))


def _deal(file: Path, key: str, kind: int, rate: int, owned: dict, left: dict) -> None:
    """Give a file's pieces to their splits, as far as there is room `left`, in samples."""
    size = round(PIECE * rate)
    samples = np.concatenate([*audio_blocks(file, rate)])
    for number, first in enumerate(range(0, len(samples), size)):
        split = side(f"{key}#{number}")
        piece = samples[first : first + int(min(size, left[split]))]
        if len(piece):
            codes, kinds = owned[split]
            codes += as_codes([piece])
            kinds.append(kind)
            left[split] -= len(piece)


def _with_all(made: dict[str, Recordings]) -> dict[str, Recordings]:
    codes = [code for sounds in made.values() for code in sounds.codes]
    kinds = np.concatenate([sounds.kinds for sounds in made.values()])
    return made | {"all": Recordings(codes, kinds)}


def as_codes(sounds: list[np.ndarray]) -> list[np.ndarray]:
    """Waveforms of full scale ±1 as µ-law codes, uint8."""
    return [np.asarray(quantise(sound.astype(np.float32))).astype(np.uint8) for sound in sounds]
