"""Folders of images with captions become examples, dealt out to training, validation and test."""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasrnn.data.caption_layouts import read_records
from kerasrnn.data.splits import SPLITS, side
from kerasrnn.errors import UserError
from kerasrnn.notice import tell


@dataclass(frozen=True)
class Example:
    """An image and what is said of it.

    Attributes:
        key: its name, which also says which split owns it.
        image: a file, or uint8 (S, S, 3).
        captions: one sentence or more.
        masks: () -> {word: the pixels of what it names, bool (S, S)}, where that is known.
    """

    key: str
    image: Path | np.ndarray
    captions: tuple[str, ...]
    masks: Callable | None = None


@dataclass(frozen=True)
class Source:
    """Captioned images, dealt out to the splits.

    Attributes:
        name: where they came from.
        splits: {"train" | "valid" | "test" | "all" | what the source has more: its examples}.
    """

    name: str
    splits: dict[str, tuple[Example, ...]]


def open_captions(path: Path, language: str, most: int) -> Source:
    """The captioned images in a folder, in one of the layouts of `kerasrnn.data.caption_layouts`.

    What cannot be used (an image that is missing, a caption without a word) is left out and told once.

    Args:
        language: of the captions, where the folder has several.
        most: images that are used, at most, chosen by a hash of their names; 0 for all.
    Raises:
        UserError: if the folder has another layout, or no captioned image.
    """
    left_out = Counter()
    captions, files, owners = {}, {}, {}
    for key, file, caption, split in read_records(path, language, left_out):
        if not any(character.isalnum() for character in caption):
            left_out["captions without a word"] += 1
            continue
        if key not in captions and not _inside(file, path):
            files[key] = None
        files.setdefault(key, file)
        captions.setdefault(key, []).append(caption)
        owners.setdefault(key, split)
    missing = [key for key, file in files.items() if file is None]
    left_out["images that are not there"] += len(missing)
    for key in missing:
        del captions[key]
    told = ", ".join(f"{count:,} {what}" for what, count in left_out.items() if count)
    if not captions:
        raise UserError(
            f"{path} must hold an image with a caption, but has none that can be used"
            f"{f' ({told})' if told else ''}."
        )
    if told:
        tell(f"Left out of {path}: {told}.")
    examples = [Example(key, files[key], tuple(said)) for key, said in captions.items()]
    examples = _some(examples, most)
    return Source(str(path), _deal(examples, owners, str(path)))


def _inside(file: Path, folder: Path) -> bool:
    """Whether a file is there, and where its name says: no name leads out of the folder."""
    try:
        below = file.relative_to(folder).parts
        return ".." not in below and file.is_file()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def _some(examples: list[Example], most: int) -> list[Example]:
    if not most or most >= len(examples):
        return examples
    tell(f"Only {most:,} of {len(examples):,} images are used, as `images` says.")
    lot = sorted(examples, key=lambda e: hashlib.sha256(f"lot {e.key}".encode()).digest())
    chosen = {example.key for example in lot[:most]}
    return [example for example in examples if example.key in chosen]


def _deal(examples, owners: dict[str, str | None], name: str) -> dict[str, tuple[Example, ...]]:
    """Each example to the split that the source names, or that its key's hash says.

    Where the source has a valid part and no test part, the hash halves the valid one. Where it names others but
    not this, the hash takes it out of train. What is too small for that is judged on what it learns, and never
    the other way round.
    """
    named = {owners[example.key] for example in examples} - {None}
    held = named | {"test"} if "valid" in named else named

    def owner(example: Example) -> str:
        given = owners[example.key]
        if given == "valid" and "test" not in named:
            digest = hashlib.sha256(f"half {example.key}".encode()).digest()
            return ("valid", "test")[digest[0] % 2]
        hashed = side(example.key)
        if given in (None, "train"):
            return "train" if hashed in held else hashed
        return given

    splits = {split: tuple(e for e in examples if owner(e) == split) for split in SPLITS}
    lacking = [split for split in ("valid", "test") if not splits[split]]
    if not named and (lacking or not splits["train"]):
        tell(f"{name} is too small to hold a part back: it is judged on the images it learns.")
        splits = dict.fromkeys(SPLITS, tuple(examples))
    elif lacking and splits["train"]:
        tell(f"{name} has no images for {' and '.join(lacking)}: those that it learns are taken.")
        splits |= dict.fromkeys(lacking, splits["train"])
    return splits | {"all": tuple(examples)}
