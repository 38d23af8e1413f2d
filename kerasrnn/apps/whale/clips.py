"""Where labelled clips come from: Kaggle's layout, folders, or the generator."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.apps.whale import synth
from kerasrnn.apps.whale.config import Config
from kerasrnn.data.audio import SUFFIXES
from kerasrnn.data.sounds import as_int16, require_readable, waveforms
from kerasrnn.data.splits import SPLITS, side, spread
from kerasrnn.errors import UserError, listed

CALLS = ("1", "call", "calls", "upcall", "up-call", "whale", "right_whale", "positive", "yes")
SYNTHETIC = {  # clips, SNR in dB, sea, seed
    "train": (6000, synth.TRAINING, synth.HOME, 1),
    "valid": (1000, synth.TRAINING, synth.HOME, 2),
    "test": (1000, synth.TRAINING, synth.HOME, 3),
    "high": (1000, (synth.HIGH, synth.HIGH), synth.HOME, 4),
    "medium": (1000, (synth.MEDIUM, synth.MEDIUM), synth.HOME, 5),
    "low": (1000, (synth.LOW, synth.LOW), synth.HOME, 6),
    "shifted": (1000, (synth.MEDIUM, synth.MEDIUM), synth.SHIFTED, 7),
}
MISSING = 1000  # clips that a sentence names, at most: whoever is to find them wants all


@dataclass(frozen=True)
class Clips:
    """Sounds of one length.

    Attributes:
        audio: int16 (N, samples), full scale 32,767.
        labels: bool (N,), whether there is a call.
    """

    audio: np.ndarray
    labels: np.ndarray


class Splits(Mapping):
    """Each split's `Clips`, made or read when first asked for."""

    def __init__(self, makers: dict[str, Callable[[], Clips]]):
        self._makers, self._made = makers, {}

    def __getitem__(self, name: str) -> Clips:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self):
        return iter(self._makers)

    def __len__(self):
        return len(self._makers)


@dataclass(frozen=True)
class Source:
    """Labelled clips, dealt out to the splits.

    Attributes:
        name: where they came from.
        splits: {"train" | "valid" | "test" | "all" | what the source has more: its clips}.
    """

    name: str
    splits: Mapping[str, Clips]


def open_source(path: str | None, config: Config) -> Source:
    """Kaggle's layout, labelled folders, or (None) synthetic clips, which have more splits: see `SYNTHETIC`.

        PATH/train.csv (clip_name,label) and the clips anywhere below PATH
        PATH/<label>/<clip>.wav

    Raises:
        UserError: if there are no clips, or files are missing or cannot be read, all of which are told.
    """
    if path is None:
        return _synthetic(config)
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"whale reads a folder of clips, but {folder} is none.")
    listed = folder / "train.csv"
    labelled = _from_list(listed) if listed.is_file() else _from_folders(folder, config)
    owned = {name: [] for name in SPLITS}
    for file, label in labelled:
        owned[side(file.name)].append((file, label))
    owned["all"] = [pair for name in SPLITS for pair in owned[name]]
    # of both kinds, which lie apart in folders
    owned["train"] = spread(owned["train"], config.clips)
    require_readable([file for file, _ in owned["all"]])
    readers = {name: partial(_read, pairs, config) for name, pairs in owned.items()}
    return Source(str(folder), Splits(readers))


def _synthetic(config: Config) -> Source:
    """The generator's clips; "all" is train, valid and test.

    Raises:
        UserError: if the configuration asks for another rate or length than theirs.
    """
    if (config.rate, config.seconds) != (synth.RATE, synth.SECONDS):
        raise UserError(
            f"The synthetic clips last {synth.SECONDS:g} s at {synth.RATE} Hz, got seconds={config.seconds} "
            f"and rate={config.rate}; give --data."
        )

    makers = {name: partial(_generated, (name,), config) for name in SYNTHETIC}
    return Source("synthetic clips", Splits(makers | {"all": partial(_generated, SPLITS, config)}))


def _generated(names: tuple[str, ...], config: Config) -> Clips:
    """The generator's clips of some splits."""
    parts = []
    for name in names:
        count, *rest = SYNTHETIC[name]
        parts.append(synth.clips(min(count, config.clips or count), *rest))
    audio, labels = zip(*parts, strict=True)
    return Clips(np.concatenate(audio), np.concatenate(labels))


def _from_list(path: Path) -> list[tuple[Path, bool]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    if not rows or not {"clip_name", "label"} <= set(rows[0]):
        raise UserError(f"{path} must begin with a line clip_name,label and hold a clip at least.")
    for number, row in enumerate(rows, 2):
        if not row["clip_name"]:
            raise UserError(f"Each row of {path} must have a clip_name, row {number} has none.")
    wrong = [row["label"] for row in rows if row["label"] not in ("0", "1")]
    if wrong:
        raise UserError(f"Each label in {path} must be 0 or 1, got {wrong[0]!r}.")
    places = _places(path.parent)
    missing = [row["clip_name"] for row in rows if row["clip_name"] not in places]
    if missing:
        raise UserError(
            f"{len(missing):,} clips of {path} are not below {path.parent}: {listed(missing, MISSING)}."
        )
    several = [row["clip_name"] for row in rows if len(places[row["clip_name"]]) > 1]
    if several:
        raise UserError(
            f"{path} must say below which folder each of several files of one name lies, but has "
            f"{listed(several)}."
        )
    return [(places[row["clip_name"]][0], row["label"] == "1") for row in rows]


def _places(folder: Path) -> dict[str, list[Path]]:
    """Clips below a folder, by their names and by their paths from there."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in SUFFIXES:
            for name in {file.name, file.relative_to(folder).as_posix()}:
                found.setdefault(name, []).append(file)
    return found


def _from_folders(folder: Path, config: Config) -> list[tuple[Path, bool]]:
    names = sorted(part.name for part in folder.iterdir() if part.is_dir())
    meant = [name for name in names if name.lower() in CALLS]
    if len(meant) > 1 and not config.positive:
        raise UserError(
            f"One folder of {folder} must hold the calls, but {' and '.join(meant)} both sound so; "
            "--set positive=NAME names it."
        )
    positive = config.positive or "".join(meant)
    if positive not in names or len(names) < 2:
        raise UserError(
            f"{folder} must hold train.csv, or a folder of clips with calls and one without; got "
            f"{', '.join(names) or 'no folder'}. --set positive=NAME names the one with calls."
        )
    found = [
        (file, name == positive)
        for name in names
        for file in sorted((folder / name).rglob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    if len({label for _, label in found}) < 2:
        raise UserError(
            f"{folder} must hold clips with a call and clips without; one kind is missing."
        )
    return found


def fit_clip(samples: np.ndarray, length: int) -> np.ndarray:
    """The middle of a sound that is too long, (length,); one that is too short ends in silence."""
    spare = max(len(samples) - length, 0) // 2
    cut = samples[spare : spare + length]
    return np.pad(cut, (0, length - len(cut)))


def _read(pairs: list[tuple[Path, bool]], config: Config) -> Clips:
    audio = np.zeros((len(pairs), config.samples), np.int16)
    for row, sound in zip(audio, waveforms([file for file, _ in pairs], config.rate), strict=True):
        row[:] = as_int16(fit_clip(sound, config.samples))
    return Clips(audio, np.array([label for _, label in pairs], bool))


def full_scale(audio) -> tf.Tensor:
    """int16 as float32 of full scale ±1."""
    return tf.cast(audio, tf.float32) / 32767
