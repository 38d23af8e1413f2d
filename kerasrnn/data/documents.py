"""Texts by name, from a file or a folder, dealt out to training, validation and test."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kerasrnn.data.splits import SPLITS, side
from kerasrnn.data.text import read_folder, read_text
from kerasrnn.errors import UserError
from kerasrnn.notice import tell

FEW_DOCUMENTS = 20  # fewer than this are cut each, instead of dealt out whole
SHORTEST_CUT = 200  # characters; a shorter text is not cut at all
HELD_OUT_TAIL = 0.1  # share of a cut text that is kept from training: its end


@dataclass(frozen=True)
class Source:
    """Documents by name, dealt out to the splits.

    Attributes:
        name: where they came from.
        splits: {"train" | "valid" | "test" | "all": the texts of its documents}.
    """

    name: str
    splits: dict[str, tuple[str, ...]]


def open_documents(
    path: str | None, default: tuple[str, Callable[[], dict[str, str]]], max_chars: int
) -> Source:
    """A UTF-8 file, a folder of them, or (None) the default.

    Args:
        default: its name, and what gives its texts by name.
        max_chars: how many characters of all the texts are read; 0 for all.
    Raises:
        UserError: if there is no text, or too little to learn from.
    """
    if path is None:
        name, texts = default[0], default[1]()
    elif Path(path).is_dir():
        texts, refused = read_folder(Path(path))
        name = str(path)
        if refused:
            tell(f"{len(refused)} files in {path} are not UTF-8 text and were left out.")
    else:
        name, texts = str(path), {Path(path).name: read_text(path)}
    texts = _limited({key: text for key, text in texts.items() if text}, max_chars)
    if not texts:
        raise UserError(f"A text must hold characters, but {name} is empty.")
    characters = sorted({c for text in texts.values() for c in set(text)})
    if len(characters) < 2 or max(map(len, texts.values())) < 2:
        raise UserError(
            f"A text must hold two different characters, so that there is something to predict, "
            f"but {name} holds only {characters[0]!r}."
        )
    return Source(name, _deal(texts, name))


def _limited(texts: dict[str, str], most: int) -> dict[str, str]:
    """The first `most` characters of all the texts; all of them where `most` is 0."""
    if not most:
        return texts
    if sum(map(len, texts.values())) > most:
        tell(f"Only the first {most:,} characters are read, as max_chars says.")
    kept = {}
    for name, text in texts.items():
        kept[name] = text[:most]
        most -= len(kept[name])
        if not most:
            break
    return kept


def _deal(texts: dict[str, str], name: str) -> dict[str, tuple[str, ...]]:
    """Many documents go whole to the split that their name's hash says; few are cut, each at nine tenths."""
    everything = tuple(texts.values())
    if len(texts) >= FEW_DOCUMENTS:
        splits = {
            split: tuple(text for key, text in texts.items() if side(key) == split)
            for split in SPLITS
        }
        if all(any(len(text) > 1 for text in split) for split in splits.values()):
            return splits | {"all": everything}
    cuts = [round(len(text) * (1 - HELD_OUT_TAIL)) for text in everything]
    head = tuple(text[:cut] for text, cut in zip(everything, cuts, strict=True))
    tail = tuple(text[cut:] for text, cut in zip(everything, cuts, strict=True))
    if sum(map(len, everything)) < SHORTEST_CUT or max(map(len, tail)) < 2:
        tell(f"{name} is too short to hold a part back: it is judged on the text it learns.")
        return dict.fromkeys((*SPLITS, "all"), everything)
    return {"train": head, "valid": tail, "test": tail, "all": everything}
