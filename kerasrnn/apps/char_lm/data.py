"""Text files become a vocabulary and a continuous stream of characters."""

import json
import sysconfig
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.apps.char_lm.config import Config
from kerasrnn.data.batching import Batches
from kerasrnn.data.splits import SPLITS, side
from kerasrnn.data.streams import token_stream
from kerasrnn.data.text import read_folder, read_text
from kerasrnn.errors import UserError
from kerasrnn.notice import tell

FEW_DOCUMENTS = 20  # fewer than this are cut each, instead of dealt out whole
SHORTEST_CUT = 200  # characters; a shorter text is not cut at all
HELD_OUT_TAIL = 0.1  # share of a cut text that is kept from training: its end
JUDGING_ROWS = 16  # strips of a split that is judged; few, so that few contexts are cut off
JUDGING_STEPS = 256  # characters of a judged chunk; the state runs on, so only speed hangs on it


@dataclass(frozen=True)
class Source:
    """Documents by name, dealt out to the splits.

    Attributes:
        name: where they came from.
        splits: {"train" | "valid" | "test" | "all": the texts of its documents}.
    """

    name: str
    splits: dict[str, tuple[str, ...]]


def open_source(path: str | None, config: Config) -> Source:
    """A UTF-8 file, a folder of them, or (None) the standard library's source text.

    Raises:
        UserError: if there is no text, or too little to learn from.
    """
    if path is None:
        name, texts = "the standard library", _standard_library()
    elif Path(path).is_dir():
        texts, refused = read_folder(Path(path))
        name = str(path)
        if refused:
            tell(f"{len(refused)} files in {path} are not UTF-8 text and were left out.")
    else:
        name, texts = str(path), {Path(path).name: read_text(path)}
    texts = _limited({key: text for key, text in texts.items() if text}, config.max_chars)
    if not texts:
        raise UserError(f"A text must hold characters, but {name} is empty.")
    characters = sorted({c for text in texts.values() for c in set(text)})
    if len(characters) < 2 or max(map(len, texts.values())) < 2:
        raise UserError(
            f"A text must hold two different characters, so that there is something to predict, "
            f"but {name} holds only {characters[0]!r}."
        )
    return Source(name, _deal(texts, name))


def _standard_library() -> dict[str, str]:
    """This Python's own library as source text, without its tests."""
    texts, _ = read_folder(Path(sysconfig.get_path("stdlib")), "*.py")
    skipped = {"test", "tests", "site-packages", "dist-packages", "idle_test"}
    return {name: text for name, text in texts.items() if not skipped & set(name.split("/"))}


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


@dataclass(frozen=True)
class Assets:
    """What a trained model needs besides its weights.

    Attributes:
        vocabulary: the characters by number, in order of first appearance.
        replacement: the number that stands for a character the model never saw: the space where the
            text has one, otherwise its commonest character.
    """

    vocabulary: str
    replacement: int

    FILE = "vocabulary.json"

    def __post_init__(self):
        if not 0 <= self.replacement < len(self.vocabulary):
            raise ValueError(
                f"`replacement` must number one of {len(self.vocabulary)} characters, "
                f"got {self.replacement}."
            )

    def save(self, folder: Path) -> None:
        from kerasrnn.files import write_text

        values = {"characters": self.vocabulary, "replacement": self.replacement}
        write_text(folder / self.FILE, json.dumps(values, ensure_ascii=True))

    @classmethod
    def load(cls, folder: Path) -> "Assets":
        values = json.loads((folder / cls.FILE).read_text("utf-8"))
        return cls(str(values["characters"]), int(values["replacement"]))

    @cached_property
    def table(self) -> np.ndarray:
        """(code points,) the number of each Unicode character."""
        table = np.full(0x110000, self.replacement, np.int32)
        table[code_points(self.vocabulary)] = np.arange(len(self.vocabulary))
        return table

    def encode(self, text: str) -> np.ndarray:
        """Numbers of the characters, int32 (characters,)."""
        return self.table[code_points(text)]

    @property
    def start(self) -> int:
        """The number that opens a text without a prompt: the line end where there is one."""
        return self.vocabulary.index("\n") if "\n" in self.vocabulary else self.replacement

    def unseen(self, text: str) -> str:
        """The distinct characters of `text` that the model never saw, in order of appearance."""
        return "".join(c for c in dict.fromkeys(text) if c not in self.vocabulary)


def code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def prepare(source: Source, config: Config) -> Assets:
    """The vocabulary of the training text."""
    counts = {}
    for text in source.splits["train"]:
        values, firsts, times = np.unique(code_points(text), return_index=True, return_counts=True)
        for value, _, number in sorted(zip(values, firsts, times, strict=True), key=lambda v: v[1]):
            counts[chr(value)] = counts.get(chr(value), 0) + int(number)
    if len(counts) < 2:
        raise UserError(f"The training part of {source.name} must hold two different characters.")
    stand_in = " " if " " in counts else max(counts, key=counts.get)
    return Assets("".join(counts), list(counts).index(stand_in))


def batches(source: Source, config: Config, split: str, assets: Assets, seed=None) -> Batches:
    """Chunks of the split's text; with a `seed`, as training reads them.

    Returns:
        Batches of {"tokens": int32 (B, T), "reset": bool (B,)}, targets int32 (B, T) and weights (B, T).
    """
    texts = source.splits[split]
    unseen = assets.unseen("".join("".join(dict.fromkeys(text)) for text in texts))
    if unseen:
        stand_in = assets.vocabulary[assets.replacement]
        tell(
            f"{len(unseen)} characters of the {split} text are not in the model's vocabulary "
            f"({unseen[:20]!r}); they are read as {stand_in!r}."
        )
    documents = [assets.encode(text) for text in texts]
    if seed is None:
        return token_stream(documents, rows=JUDGING_ROWS, steps=JUDGING_STEPS)
    return token_stream(documents, rows=config.batch_size, steps=config.steps, seed=seed)


def dataset(source: Source, config: Config, split: str, assets: Assets) -> tf.data.Dataset:
    """One pass over a split."""
    return batches(source, config, split, assets).one_pass()
