"""Where transcribed recordings come from: a manifest, LibriSpeech, Common Voice, or the names of files."""

import csv
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from kerasrnn.data.audio import SUFFIXES
from kerasrnn.data.splits import SPLITS, side
from kerasrnn.errors import UserError, listed

PATHS = ("path", "wav_filename")  # columns of a manifest, in the order in which they are looked for
TEXTS = ("transcript", "sentence", "text")
NAMED = {"train": "train", "valid": "valid", "validation": "valid", "dev": "valid", "test": "test"}
VOICE = {"train.tsv": "train", "dev.tsv": "valid", "test.tsv": "test"}  # Common Voice's lists
MISSING = 1000  # files that a sentence names, at most: whoever is to find them wants all
FIELD = 1_000_000  # characters of a manifest's field, at most


@dataclass(frozen=True)
class Recording:
    """One transcribed file.

    Attributes:
        path: where it lies.
        key: what names it in its source, such as its path below the folder.
        text: what is said in it, as it was written.
        split: the source's own, or None.
    """

    path: Path
    key: str
    text: str
    split: str | None = None


def recordings(path: str | Path, label: str = "auto") -> list[Recording]:
    """All that a source lists, in the order of its list or its names.

        PATH.csv, PATH.tsv                   a manifest: a header with `path` or `wav_filename`, with
                                             `transcript`, `sentence` or `text`, and perhaps `split`
        PATH/**/*.trans.txt                  LibriSpeech
        PATH/train.tsv, dev.tsv, test.tsv    Common Voice; the files lie in PATH/clips
        PATH/manifest.csv, train.csv, …      manifests in a folder; train.csv, dev.csv, test.csv are splits
        PATH/**/<transcript>_<more>.wav      with label="stem"

    Raises:
        UserError: if there is none of these, a list is damaged, or files that it names are missing.
    """
    path = Path(path)
    if not (path.is_file() or path.is_dir()):
        raise UserError(f"Speech is read from a manifest or a folder, but {path} is neither.")
    if label == "stem":
        found = _from_stems(path)
    elif path.is_file():
        found = _from_manifest(path)
    else:
        found = _from_folder(path)
    if not found:
        raise UserError(f"{path} must hold a recording at least, got none.")
    missing = [one.path for one in found if not one.path.is_file()]
    if missing:
        raise UserError(
            f"{len(missing):,} recordings of {path} are missing: {listed(missing, MISSING)}."
        )
    return found


def dealt_out(found: list[Recording], by: str = "file") -> dict[str, list[Recording]]:
    """Each recording's split: its own where it has one, else by a hash.

    A split that the source has not is taken, by the hash, out of train and of what has no split; one that it
    has gets nothing more.

    Args:
        by: what is hashed: "file", or "transcript", so that a sentence is only ever on one side.
    """
    own = {one.split for one in found}
    sides = {name: [] for name in SPLITS}
    for one in found:
        hashed = side(normalised(one.text) if by == "transcript" else one.key)
        if one.split in (None, "train"):
            sides["train" if hashed in own else hashed].append(one)
        else:
            sides[one.split].append(one)
    return sides


def normalised(text: str, alphabet: str = "") -> str:
    """A transcript as letters that can be heard: NFC, lower case, single blanks between words.

    Letters, marks, digits and the apostrophe are kept, and whatever `alphabet` names; all else separates words.
    """
    text = unicodedata.normalize(
        "NFC", text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    ).lower()
    kept = (c if _heard(c) or c in alphabet else " " for c in unicodedata.normalize("NFC", text))
    return " ".join("".join(kept).split())


def _heard(character: str) -> bool:
    return character == "'" or unicodedata.category(character)[0] in "LMN"


def _from_folder(folder: Path) -> list[Recording]:
    """LibriSpeech, Common Voice or manifests below a folder."""
    lists = sorted(folder.rglob("*.trans.txt"))
    if lists:
        return [one for path in lists for one in _from_librispeech(path, folder)]
    if (folder / "clips").is_dir() and any((folder / name).is_file() for name in VOICE):
        return [
            one
            for name, split in VOICE.items()
            if (folder / name).is_file()
            for one in _from_manifest(folder / name, split, folder / "clips")
        ]
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".csv", ".tsv") and path.is_file():
            found += _from_manifest(path, NAMED.get(path.stem.lower()))
    if not found:
        raise UserError(
            f"{folder} must hold a manifest (.csv or .tsv), LibriSpeech or Common Voice; for files named "
            "<transcript>_<anything>.wav give --set label=stem."
        )
    return found


def _from_manifest(
    path: Path, split: str | None = None, base: Path | None = None
) -> list[Recording]:
    """The rows of a CSV or TSV file; a path that is not absolute is below `base`, or the file's folder."""
    base = base or path.parent
    rows, columns = _rows(path)
    place, text = (
        next((name for name in names if name in columns), None) for names in (PATHS, TEXTS)
    )
    if place is None or text is None:
        raise UserError(
            f"{path} must begin with a line that names a column {' or '.join(PATHS)} and a column "
            f"{' or '.join(TEXTS)}, got {', '.join(columns) or 'none'}."
        )
    found = []
    for number, row in enumerate(rows, 2):
        if not row.get(place) or row.get(text) is None:
            raise UserError(
                f"Each row of {path} must have a {place} and a {text}, row {number} has not."
            )
        own = (row.get("split") or "").strip().lower()
        if own and own not in NAMED:
            raise UserError(
                f"A split must be one of {', '.join(NAMED)}, or empty, but row {number} of {path} has {own!r}."
            )
        found.append(Recording(base / row[place], row[place], row[text], NAMED.get(own, split)))
    return found


def _rows(path: Path) -> tuple[list[dict], list[str]]:
    """The rows of a table with a header, by column; the columns in lower case."""
    form = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if path.suffix.lower() == ".tsv" else {}
    limit = csv.field_size_limit(FIELD)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, **form)
            columns = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            return list(reader), columns
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as a manifest: {error}.") from None
    finally:
        csv.field_size_limit(limit)


def _from_librispeech(path: Path, folder: Path) -> list[Recording]:
    """The lines "ID TEXT" of one *.trans.txt; ID.flac lies beside it. A subset's name begins with its split."""
    parts = path.relative_to(folder).parts
    begins = (part.split("-")[0] for part in parts if "-" in part)
    split = next((NAMED[name] for name in begins if name in NAMED), None)
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    found = []
    for line in filter(str.strip, lines):
        name, _, text = line.partition(" ")
        beside = (path.parent / f"{name}{suffix}" for suffix in (".flac", ".wav", ".ogg", ".mp3"))
        file = next((one for one in beside if one.is_file()), path.parent / f"{name}.flac")
        found.append(Recording(file, str(file.relative_to(folder)), text, split))
    return found


def _from_stems(folder: Path) -> list[Recording]:
    """What is said stands before the first underscore of a file's name."""
    if not folder.is_dir():
        raise UserError(
            f"With label=stem, speech is a folder of audio files, but {folder} is none."
        )
    return [
        Recording(file, file.relative_to(folder).as_posix(), file.stem.split("_")[0])
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in SUFFIXES and file.is_file()
    ]
