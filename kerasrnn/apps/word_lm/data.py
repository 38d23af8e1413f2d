"""Text files become words, a vocabulary and a continuous stream of numbers."""

import json
import pydoc_data.topics
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.apps.word_lm.config import Config
from kerasrnn.data.batching import Batches
from kerasrnn.data.documents import Source, open_documents
from kerasrnn.data.streams import stream_batches
from kerasrnn.data.text import utf8
from kerasrnn.errors import UserError
from kerasrnn.files import write_text
from kerasrnn.notice import tell

END = "</s>"  # a line's end, which also opens a text
UNKNOWN = "<unk>"  # every word out of the vocabulary

# What a token is, in RE2: letters, digits and their marks, joined by apostrophes or hyphens; a run of
# hyphens or dots; a line's end; any other character by itself.
TOKEN = (
    r"([\p{L}\p{M}\p{N}_\x{200c}\x{200d}]+(?:['’\-][\p{L}\p{M}\p{N}_\x{200c}\x{200d}]+)*"
    r"|-{2,}|\.{2,}|\n|[^\s])"
)


def tokenize(texts: tf.Tensor, lowercase: bool) -> tf.RaggedTensor:
    """Strings (B,) as their tokens (B, P), ragged; more than one empty line counts as one.

    Stock operations, so training and an exported graph read a text alike, without a library beside.
    """
    texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    if lowercase:
        texts = tf.strings.lower(texts, "utf-8")
    for pattern, instead in (
        (r"[\p{Z}\x00-\x09\x0b-\x1f\x7f]+", " "),  # white space and control characters
        (r" ?\n ?", "\n"),
        (r"\n{3,}", "\n\n"),
        (TOKEN, r" \1 "),
        (r"\n", END),  # no token of a text can be this: "<" stands by itself
    ):
        texts = tf.strings.regex_replace(texts, pattern, instead)
    return tf.strings.split(texts)


def open_source(path: str | None, config: Config) -> Source:
    """A UTF-8 file, a folder of them, or (None) the texts of Python's help().

    Raises:
        UserError: if there is no text, or too little to learn from.
    """
    default = ("the texts of Python's help()", lambda: dict(pydoc_data.topics.topics))
    return open_documents(path, default, config.max_chars)


@dataclass(frozen=True)
class Assets:
    """What a trained model needs besides its weights.

    Attributes:
        vocabulary: the tokens by number: END, UNKNOWN, and the rest from the commonest on.
        lowercase: whether a text is read without capitals.
        rare: how many different words UNKNOWN stood for in training, at least 1.
        counts: how often each of the vocabulary stood there; () where that is not known.
    """

    vocabulary: tuple[str, ...]
    lowercase: bool
    rare: int = 1
    counts: tuple[int, ...] = ()

    FILE = "vocabulary.json"

    def __post_init__(self):
        if self.vocabulary[:2] != (END, UNKNOWN) or self.rare < 1:
            raise ValueError(
                f"A vocabulary must begin with {END}, {UNKNOWN}, and `rare` be above 0."
            )

    def save(self, folder: Path) -> None:
        values = {"words": self.vocabulary, "lowercase": self.lowercase}
        values |= {"rare": self.rare, "counts": self.counts}
        write_text(folder / self.FILE, json.dumps(values, ensure_ascii=True))

    @classmethod
    def load(cls, folder: Path) -> "Assets":
        values = json.loads((folder / cls.FILE).read_text("utf-8"))
        words = tuple(map(str, values["words"]))
        counts = tuple(map(int, values["counts"]))
        return cls(words, bool(values["lowercase"]), int(values["rare"]), counts)

    @cached_property
    def table(self) -> tf.lookup.StaticHashTable:
        """The number of each token, for a graph."""
        words = tf.constant([utf8(word) for word in self.vocabulary])
        numbers = tf.range(len(self.vocabulary))
        return tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(words, numbers), self.vocabulary.index(UNKNOWN)
        )

    def number(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Strings (B,) as numbers of their tokens int32 (B, P), ragged."""
        tokens = tokenize(texts, self.lowercase)
        return tokens.with_flat_values(self.table.lookup(tokens.flat_values))

    def encode(self, text: str) -> np.ndarray:
        """A document, int32 (tokens + 1,): the numbers of its tokens after the END that opens it."""
        numbers = self.number(tf.constant([utf8(document(text))])).flat_values.numpy()
        return np.concatenate([[0], numbers]).astype(np.int32)

    def unseen(self, texts: list[str]) -> list[str]:
        """The distinct tokens of `texts` that are not in the vocabulary, in order of appearance."""
        tokens = words(texts, self.lowercase)
        known = set(self.vocabulary)
        return [word for word in dict.fromkeys(tokens) if word not in known]


def document(text: str) -> str:
    """A text that ends with one line's end."""
    return text.rstrip() + "\n"


def words(texts, lowercase: bool) -> list[str]:
    """The tokens of all `texts`."""
    given = tf.constant([utf8(text) for text in texts], tf.string)
    return [token.decode() for token in tokenize(given, lowercase).flat_values.numpy()]


def prepare(source: Source, config: Config) -> Assets:
    """The vocabulary of the training text.

    Raises:
        UserError: if no word is common enough.
    """
    counts = Counter(words(map(document, source.splits["train"]), config.lowercase))
    ends = counts.pop(END, 0)
    common = [word for word, count in counts.most_common() if count >= config.min_count]
    if not common:
        raise UserError(
            f"The training part of {source.name} must hold a word {config.min_count} times, but it has "
            "none; lower min_count."
        )
    kept = common[: config.vocabulary - 2]
    times = [counts.pop(word) for word in kept]
    return Assets(
        (END, UNKNOWN, *kept),
        config.lowercase,
        rare=max(len(counts), 1),
        counts=(ends, sum(counts.values()), *times),
    )


def batches(source: Source, config: Config, split: str, assets: Assets, seed=None) -> Batches:
    """Chunks of the split's text; with a `seed`, as training reads them.

    Returns:
        Batches of {"tokens": int32 (B, T), "reset": bool (B,)}, targets int32 (B, T) and weights (B, T).
    """
    documents = [assets.encode(text) for text in source.splits[split]]
    numbers = np.concatenate(documents)
    share = np.mean(numbers == assets.vocabulary.index(UNKNOWN))
    if share:
        tell(
            f"{share:.1%} of the {split} text's words are not in the vocabulary; they are {UNKNOWN}."
        )
    return stream_batches(documents, config, seed)


def dataset(source: Source, config: Config, split: str, assets: Assets) -> tf.data.Dataset:
    """One pass over a split."""
    return batches(source, config, split, assets).one_pass()
