"""Images with captions become a vocabulary and batches of (image, words so far) → next word."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasrnn.apps.captioner import scenes
from kerasrnn.apps.captioner.config import MOST_WORDS, Config
from kerasrnn.apps.captioner.features import image_rows
from kerasrnn.data.batching import Batches, dealt
from kerasrnn.data.captions import Example, Source, open_captions
from kerasrnn.data.splits import SPLITS
from kerasrnn.data.text import utf8
from kerasrnn.data.words import sentence_words
from kerasrnn.errors import UserError
from kerasrnn.files import read_json, whole_file, write_text

SPECIAL = ("<pad>", "<start>", "<end>", "<unk>")  # no word of a caption can hold "<"
PAD, START, END, UNKNOWN = range(4)
MOST_RECALLED = 2**28  # numbers, 1 GiB, of the captions that image=recall knows


def open_source(path: str | None, config: Config) -> Source:
    """A folder of images with captions (`kerasrnn.data.captions` says which), or (None) synthetic scenes.

    The scenes have a split more, "unseen": pairs of colour and shape that are in no other.

    Raises:
        UserError: if there are no captioned images.
    """
    if path is not None:
        return open_captions(Path(path), config.language, config.images)
    splits = {}
    for split, count in scenes.COUNTS.items():
        count = min(count, config.images or count)
        drawn, images = scenes.draw(count, split=split)
        splits[split] = tuple(
            Example(f"synthetic {split} {number}", image, scene.captions, scene.masks)
            for number, (scene, image) in enumerate(zip(drawn, images, strict=True))
        )
    everything = tuple(chain.from_iterable(splits[split] for split in SPLITS))
    return Source("synthetic scenes", splits | {"all": everything})


class Examples(NamedTuple):
    """The captions that are recalled.

    Attributes:
        features: float32 (N, F), of each one's image.
        words: int32 (N, length + 2), as `Assets.encode` has them.
    """

    features: np.ndarray
    words: np.ndarray


@dataclass(frozen=True)
class Assets:
    """What a trained model needs besides its weights.

    Attributes:
        vocabulary: the words by number: those in `SPECIAL`, then the rest from the commonest on.
        length: words of the longest caption that is learnt; longer ones are cut there.
        examples: those that are recalled, or None.
    """

    vocabulary: tuple[str, ...]
    length: int
    examples: Examples | None = field(default=None, compare=False)

    FILE = "vocabulary.json"
    EXAMPLES = "examples.npz"

    def __post_init__(self):
        if self.vocabulary[:4] != SPECIAL or len(self.vocabulary) < 5 or self.length < 1:
            raise ValueError(
                f"A vocabulary must begin with {' '.join(SPECIAL)} and hold a word more, and `length` "
                "be above 0."
            )

    def save(self, folder: Path) -> None:
        values = {"words": self.vocabulary, "length": self.length}
        write_text(folder / self.FILE, json.dumps(values, ensure_ascii=True))
        if self.examples is not None:
            with whole_file(folder / self.EXAMPLES) as temporary:
                np.savez(temporary, **self.examples._asdict())

    @classmethod
    def load(cls, folder: Path) -> "Assets":
        values = read_json(folder / cls.FILE)
        if not 1 <= values["length"] <= MOST_WORDS:
            raise ValueError(
                f"`length` must be from 1 to {MOST_WORDS:,} words, got {values['length']}"
            )
        examples = None
        if (folder / cls.EXAMPLES).exists():
            with np.load(folder / cls.EXAMPLES, allow_pickle=False) as arrays:
                examples = Examples(arrays["features"], arrays["words"])
        return cls(tuple(map(str, values["words"])), int(values["length"]), examples)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each word."""
        return {word: number for number, word in enumerate(self.vocabulary)}

    def encode(self, captions) -> np.ndarray:
        """Captions as rows <start> words <end> <pad>…, int32 (captions, length + 2).

        A caption of more than `length` words is cut after one more, so that it teaches no early end.
        """
        rows = np.full((len(captions), self.length + 2), PAD, np.int32)
        rows[:, 0] = START
        for row, words in zip(rows, sentence_words(captions), strict=True):
            numbers = [self.numbers.get(word, UNKNOWN) for word in words] + [END]
            row[1 : len(numbers) + 1] = numbers[: self.length + 1]
        return rows

    def spell(self, tokens: tf.Tensor) -> tf.Tensor:
        """Numbers (…, T) as captions, strings (…): the words up to the first <end>, in graph."""
        ended = tf.cumsum(tf.cast(tokens == END, tf.int32), axis=-1) > 0
        words = tf.gather(tf.constant([utf8(word) for word in self.vocabulary]), tokens)
        words = tf.where(ended | (tokens == PAD) | (tokens == START), "", words + " ")
        return tf.strings.strip(tf.strings.reduce_join(words, axis=-1))


def prepare(source: Source, config: Config) -> Assets:
    """The vocabulary of the training captions.

    Raises:
        UserError: if there is nothing to learn from, or no word is common enough.
    """
    if not source.splits["train"]:
        raise UserError(f"The train split of {source.name} must hold an image at least.")
    captions = sentence_words(chain.from_iterable(e.captions for e in source.splits["train"]))
    counts = Counter(chain.from_iterable(captions))
    common = [word for word, count in counts.most_common() if count >= config.min_count]
    if not common:
        raise UserError(
            f"The training captions of {source.name} must hold a word {config.min_count} times, but "
            "have none; lower min_count."
        )
    kept = common[: config.max_vocabulary - len(SPECIAL)]
    assets = Assets((*SPECIAL, *kept), min(config.max_words, max(map(len, captions))))
    if config.image != "recall":
        return assets
    return replace(assets, examples=_examples(source, config, assets))


def _examples(source: Source, config: Config, assets: Assets) -> Examples:
    """The training captions, each with the features of its image, places averaged."""
    examples, rows, _ = image_rows(source.splits["train"], config)
    features = rows.array[rows.index]
    features = features.mean(axis=1) if features.ndim == 3 else features
    words = assets.encode(list(chain.from_iterable(example.captions for example in examples)))
    if (need := words.size * len(assets.vocabulary)) > MOST_RECALLED:
        raise UserError(
            f"image=recall must hold captions × words × vocabulary, at most {MOST_RECALLED:,} numbers, but "
            f"{len(words):,} × {words.shape[1]} × {len(assets.vocabulary):,} are {need:,}; set images=N, "
            "min_count=N or another image=…"
        )
    return Examples(np.repeat(features, [len(e.captions) for e in examples], axis=0), words)


def references(examples) -> list[list[str]]:
    """Each example's captions as the judge reads them: words joined by blanks."""
    words = sentence_words(chain.from_iterable(example.captions for example in examples))
    lines = iter([" ".join(line) for line in words])
    return [[next(lines) for _ in example.captions] for example in examples]


def pictures(source: Source, config: Config, split: str) -> tuple[tuple[Example, ...], Batches]:
    """Each image of a split once, for judging.

    Returns:
        The examples whose image can be read; and Batches of {"image"} or {"features"} in their order,
        `batch_size` each, of which the last is filled up with the last image.
    """
    examples, rows, name = image_rows(source.splits[split], config)
    count, size = -(-len(examples) // config.batch_size), config.batch_size

    def at(turn, index):
        places = tf.minimum(index * size + tf.range(size, dtype=tf.int64), len(examples) - 1)
        return {name: rows.gather(places)}

    return examples, Batches(count, at)


def batches(source: Source, config: Config, split: str, assets: Assets, seed=None) -> Batches:
    """Captions of the split with their images, in order; with a `seed`, in a new order in each pass.

    Every batch has `batch_size` captions, all padded to one length, so that it is compiled once; what the
    last of a pass lacks, it takes from the pass's beginning, with weight 0 unless there is a `seed`.

    Returns:
        Batches of {"image": uint8 (B, S, S, 3) or "features": float32 (B, F) or (B, L, F), "words": int32
        (B, T)}, next words int32 (B, T) and weights float32 (B, T), where T is assets.length + 1.
    """
    examples, rows, name = image_rows(source.splits[split], config)
    words = assets.encode(list(chain.from_iterable(example.captions for example in examples)))
    owner = np.repeat(np.arange(len(examples)), [len(example.captions) for example in examples])
    total, size = len(owner), config.batch_size
    with tf.device("cpu"):
        words, owner = tf.constant(words), tf.constant(owner)

    def at(turn, index):
        place, fresh = dealt(total, size, turn, index, seed)
        chosen = tf.gather(words, place)
        x = {name: rows.gather(tf.gather(owner, place)), "words": chosen[:, :-1]}
        y = chosen[:, 1:]
        return x, y, tf.cast(y != PAD, tf.float32) * fresh[:, None]

    return Batches(-(-total // size), at)


def dataset(source: Source, config: Config, split: str, assets: Assets) -> tf.data.Dataset:
    """One pass over a split."""
    return batches(source, config, split, assets).one_pass()
