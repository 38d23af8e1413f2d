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
from kerasrnn.data.documents import Source, open_documents
from kerasrnn.data.streams import stream_batches
from kerasrnn.data.text import read_folder
from kerasrnn.errors import UserError
from kerasrnn.notice import tell


def open_source(path: str | None, config: Config) -> Source:
    """A UTF-8 file, a folder of them, or (None) the standard library's source text.

    Raises:
        UserError: if there is no text, or too little to learn from.
    """
    return open_documents(path, ("the standard library", _standard_library), config.max_chars)


def _standard_library() -> dict[str, str]:
    """This Python's own library as source text, without its tests."""
    texts, _ = read_folder(Path(sysconfig.get_path("stdlib")), "*.py")
    skipped = {"test", "tests", "site-packages", "dist-packages", "idle_test"}
    return {name: text for name, text in texts.items() if not skipped & set(name.split("/"))}


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
    return stream_batches(documents, config, seed)


def dataset(source: Source, config: Config, split: str, assets: Assets) -> tf.data.Dataset:
    """One pass over a split."""
    return batches(source, config, split, assets).one_pass()
