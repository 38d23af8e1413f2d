"""Folders of images with captions, as they come."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


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
    raise NotImplementedError
