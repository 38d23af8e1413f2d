"""Pieces of music become piano rolls: MIDI and MusicXML through music21, the papers' as `.mat` or JSON.

A piano roll is float32 (T, 88), a step a quarter note: 1 where a key sounds, A0 (MIDI 21) to C8 (MIDI 108).
"""

import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasrnn.data.splits import SPLITS, side
from kerasrnn.errors import UserError
from kerasrnn.files import read_json
from kerasrnn.notice import tell

KEYS = 88
LOWEST = 21  # MIDI number of A0
STEP = 1.0  # quarter notes
ENDINGS = (".mid", ".midi", ".xml", ".musicxml", ".mxl")
LARGEST = 2**23  # bytes of JSON, of which the rolls take up to some hundred times as many
MAT_NAMES = {"train": "traindata", "valid": "validdata", "test": "testdata"}
# what reading a damaged MATLAB file raises, besides SciPy's own
MAT_DAMAGES = (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, RuntimeError)
MAT_DAMAGES += (ArithmeticError, MemoryError, zlib.error)


@dataclass(frozen=True)
class Music:
    """Piano rolls, dealt out to the splits.

    Attributes:
        name: where they came from.
        splits: {"train" | "valid" | "test": rolls (T, 88)}.
    """

    name: str
    splits: dict[str, tuple[np.ndarray, ...]]


def open_music(path: str | os.PathLike | None = None) -> Music:
    """A file of piano rolls, a folder of MIDI or MusicXML, or (None) music21's chorales of Bach.

    The file is MATLAB's, `traindata`, `validdata` and `testdata` being cells of (T, 88) each, or JSON,
    {"train" | "valid" | "test": [piece: [step: [MIDI number of a key that sounds]]]}, as JSB Chorales are
    given away in both. It says its splits; pieces of a folder, and chorales, go to the split that their
    name's hash says.

    Raises:
        UserError: if there is no music, or it cannot be read.
    """
    if path is None:
        return _deal("music21's chorales of Bach", _chorales())
    path = Path(path)
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in ENDINGS]
        return _deal(str(path), {str(file.relative_to(path)): file for file in files})
    readers = {".mat": _read_mat, ".json": _read_chords}
    if path.suffix.lower() not in readers:
        raise UserError(
            f"Music must be a .mat or .json file or a folder of {', '.join(ENDINGS)} files, got {path}."
        )
    return Music(str(path), readers[path.suffix.lower()](path))


def piano_roll(notes: Iterable[tuple[float, float, int]]) -> np.ndarray:
    """The keys that sound at each step.

    Args:
        notes: (onset, length, MIDI number) each, in quarter notes; a key that the piano lacks is left out.
    """
    notes = [note for note in notes if LOWEST <= note[2] < LOWEST + KEYS]
    spans = [[int(np.ceil(t / STEP - 1e-6)) for t in (on, on + size)] for on, size, _ in notes]
    roll = np.zeros((max((end for _, end in spans), default=0), KEYS), np.float32)
    for (begin, end), (_, _, key) in zip(spans, notes, strict=True):
        roll[begin:end, key - LOWEST] = 1
    return roll


def _music21():
    try:
        import music21
    except ImportError:
        raise UserError(
            "Reading scores needs music21; install it with pip install 'kerasrnn[music]'."
        ) from None
    return music21


def _read_score(path: Path) -> np.ndarray:
    """One MIDI or MusicXML file; music21's cache of pickles is neither read nor written."""
    music21 = _music21()
    try:
        score = music21.converter.parse(path, forceSource=True, storePickle=False)
    except (music21.exceptions21.Music21Exception, ValueError, OSError, EOFError) as error:
        raise UserError(f"Cannot read the score {path}: {error}.") from None
    return piano_roll(
        (float(note.offset), float(note.quarterLength), pitch.midi)
        for note in score.flatten().notes
        for pitch in note.pitches
    )


def _chorales() -> dict[str, Path]:
    """Name → MusicXML file of every chorale in music21's corpus that is one file by itself."""
    corpus = _music21().corpus
    works = {name: corpus.getWork(name) for name in corpus.chorales.Iterator(returnType="filename")}
    return {name: Path(work) for name, work in works.items() if not isinstance(work, list)}


def _deal(name: str, files: dict[str, Path]) -> Music:
    splits = {split: [] for split in SPLITS}
    for key, file in files.items():
        roll = _read_score(file)
        if len(roll) > 1:
            splits[side(key)].append(roll)
    empty = [split for split, rolls in splits.items() if not rolls]
    if empty:
        count = sum(map(len, splits.values()))
        raise UserError(
            f"Music must have pieces to train, validate and test, but of {count} in {name} none is "
            f"for {' and '.join(empty)}; add more files."
        )
    tell(f"{name}: " + ", ".join(f"{len(rolls)} pieces to {s}" for s, rolls in splits.items()))
    return Music(name, {split: tuple(rolls) for split, rolls in splits.items()})


def _read_chords(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """The splits of a JSON file of chords."""
    try:
        found = read_json(path, LARGEST)
        pieces = {split: [_struck(piece) for piece in found[split]] for split in SPLITS}
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f'A JSON file of music must hold {{"train", "valid", "test": pieces of steps of MIDI numbers '
            f"from {LOWEST} to {LOWEST + KEYS - 1}}}, but {path} does not: {reason}."
        ) from None
    splits = {
        split: tuple(roll for roll in rolls if len(roll) > 1) for split, rolls in pieces.items()
    }
    for split, rolls in splits.items():
        if not rolls:
            raise UserError(f"{split!r} must hold pieces of 2 steps or more, but {path} has none.")
    return splits


def _struck(chords) -> np.ndarray:
    """The piano roll (T, 88) of the keys that sound at each step."""
    roll = np.zeros((len(chords), KEYS), np.float32)
    for step, keys in zip(roll, chords, strict=True):
        for key in keys:
            if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key - LOWEST < KEYS:
                raise ValueError(f"{key!r} is not one")
            step[key - LOWEST] = 1
    return roll


def _read_mat(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """The splits of a MATLAB file: `traindata`, `validdata` and `testdata`, cells of (T, 88) each."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found = loadmat(path, variable_names=list(MAT_NAMES.values()))
    except (MatReadError, *MAT_DAMAGES) as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"Cannot read the MATLAB file {path}: {reason}.") from None
    splits = {}
    for split, name in MAT_NAMES.items():
        if name not in found:
            raise UserError(f"A file of piano rolls must hold {name!r}, but {path} does not.")
        rolls = (_roll(cell, name, path) for cell in np.ravel(found[name]))
        splits[split] = tuple(roll for roll in rolls if len(roll) > 1)
        if not splits[split]:
            raise UserError(
                f"{name!r} must hold piano rolls of 2 steps or more, but {path} has none."
            )
    return splits


def _roll(cell, name: str, path: Path) -> np.ndarray:
    shape = np.shape(cell)
    if len(shape) != 2 or shape[1] != KEYS or np.asarray(cell).dtype.kind not in "biuf":
        raise UserError(
            f"Each cell of {name!r} must be a piano roll (steps, {KEYS}), got {shape} in {path}."
        )
    return (np.asarray(cell) > 0).astype(np.float32)
