"""Transcribed recordings become normalised features and batches of (features, letters)."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.apps.deepspeech.front import Front, of_frames
from kerasrnn.apps.deepspeech.search import Language
from kerasrnn.apps.deepspeech.utterances import Source, Utterances, open_source
from kerasrnn.apps.deepspeech.variety import masked, varied
from kerasrnn.data import augment
from kerasrnn.data.batching import Batches, filled, mine
from kerasrnn.data.buckets import bucketed, rows_of
from kerasrnn.data.features import Statistics
from kerasrnn.data.sounds import full_scale
from kerasrnn.data.splits import SPLITS
from kerasrnn.errors import UserError, listed
from kerasrnn.files import write_text
from kerasrnn.notice import tell

__all__ = ["Assets", "Source", "batches", "dataset", "open_source", "prepare", "read"]

MEASURED = 1000  # clips that the bands' mean and deviation are taken of, at most


@dataclass(frozen=True)
class Assets:
    """What a trained model needs besides its weights.

    Attributes:
        alphabet: the letters, one for each output but the last, which is the blank of CTC.
        statistics: of each band over the training clips.
        language: the n-gram model of the training transcripts, or None.
    """

    alphabet: str
    statistics: Statistics
    language: Language | None = None

    ALPHABET, STATISTICS = "alphabet.json", "statistics.json"

    @property
    def blank(self) -> int:
        return len(self.alphabet)

    def spell(self, text: str) -> list[int]:
        """The numbers of a text's letters; letters outside the alphabet are passed over."""
        return [self.alphabet.index(letter) for letter in text if letter in self.alphabet]

    def save(self, folder: Path) -> None:
        write_text(folder / self.ALPHABET, json.dumps(self.alphabet) + "\n")
        self.statistics.save(folder / self.STATISTICS)
        if self.language is not None:
            self.language.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "Assets":
        alphabet = json.loads((folder / cls.ALPHABET).read_text("utf-8"))
        if not isinstance(alphabet, str) or not alphabet or len(set(alphabet)) < len(alphabet):
            raise ValueError(f"the alphabet must be letters, each once, in {folder / cls.ALPHABET}")
        return cls(alphabet, Statistics.load(folder / cls.STATISTICS), Language.load(folder))


def prepare(source: Source, config: Config) -> Assets:
    """The alphabet of the training transcripts, or the one that is set; mean and deviation of each band.

    Raises:
        UserError: if there is nothing to learn from, or transcripts have letters outside the alphabet set.
    """
    train = source.splits["train"]
    if not len(train):
        raise UserError(f"The train split of {source.name} must hold a recording at least.")
    said = sorted(set("".join(train.texts)))
    if not said:
        raise UserError(f"The training transcripts of {source.name} must hold letters, got none.")
    alphabet = "".join(sorted({*config.alphabet, " "})) if config.alphabet else "".join(said)
    outside = [letter for letter in said if letter not in alphabet]
    if outside:
        where = [
            n for n, text in zip(train.names, train.texts, strict=True) if set(text) & set(outside)
        ]
        raise UserError(
            f"The training transcripts of {source.name} must be of the alphabet {config.alphabet!r}, but "
            f"{len(where):,} hold other letters, {' '.join(outside)}: {listed(where)}."
        )
    tell_impossible(train, config)
    sounds, step = train.sounds, max(1, len(train) // MEASURED)
    front = tf.function(Front(config), [tf.TensorSpec([1, None], tf.float32)], autograph=False)
    heard = (front(sounds[place][None]).numpy() for place in range(0, len(train), step))
    language = Language.of(train.texts, config.lm_order)
    return Assets(alphabet, Statistics.of(heard), language)


def read(source: Source) -> None:
    """Decode the recordings of all splits, and tell of those that cannot be.

    Raises:
        UserError: that lists them.
    """
    for split in SPLITS:
        _ = source.splits[split].sounds


def tell_impossible(train: Utterances, config: Config) -> None:
    """Say how many recordings are too short for their letters: CTC learns nothing from them.

    A recording needs a step for each letter, and one for the blank between two that are alike.
    """
    front, short = Front(config), []
    for name, text, samples in zip(train.names, train.texts, train.sounds.lengths, strict=True):
        needed = len(text) + sum(a == b for a, b in pairwise(text))
        if needed > front.steps(front.frames(int(samples))):
            short.append(name)
    if short:
        tell(
            f"{len(short):,} of {len(train):,} training recordings have fewer steps than letters and teach "
            f"nothing (a lower stride or hop gives more steps): {listed(short)}."
        )


def labels(texts: list[str], assets: Assets) -> tuple[np.ndarray, np.ndarray]:
    """The letters of each text, int32 (N, L) with 0 behind the last, and how many they are, int32 (N,)."""
    spelled = [assets.spell(text) for text in texts]
    table = np.zeros((len(texts), max(map(len, spelled), default=0)), np.int32)
    for row, letters in zip(table, spelled, strict=True):
        row[: len(letters)] = letters
    return table, np.array([len(letters) for letters in spelled], np.int32)


def batches(source: Source, config: Config, split: str, assets: Assets, seed=None) -> Batches:
    """Clips of like lengths side by side; with a `seed`, in a new order in each pass, and varied.

    The first pass goes from the shortest clips to the longest, which makes CTC's beginning easier (Amodei et
    al. 2016, arXiv:1512.02595, section 3.2: SortaGrad). All batches of a bucket have as many rows, so that
    there are few shapes; rows that its last batch lacks have weight 0.

    Returns:
        Batches of {"features" float32 (B, T, F), "frames" int32 (B,)}, a target int32 (B, 2 + L): T', how many
        letters, the letters; and weights float32 (B,).
    """
    utterances = source.splits[split]
    if not len(utterances):
        raise UserError(f"The {split} split of {source.name} must hold a recording at least.")
    reader = Reader(utterances, config, assets)
    options = {"rows": config.batch_size, "buckets": config.buckets, "most": config.batch_samples}
    lengths = utterances.sounds.lengths
    if seed is None:

        def plain(places, longest):
            return reader(places, longest, None)

        return bucketed(lengths, plain, **options)
    return _varied(lengths, reader, seed, options)


def _varied(lengths, reader: "Reader", seed: int, options: dict) -> Batches:
    """The first pass in order of length, others in orders of their own; each batch varied by its own seeds."""

    def places_only(places, longest):
        return tf.pad(places, [[0, options["rows"] - tf.size(places)]], constant_values=-1), longest

    ordered = bucketed(lengths, places_only, **options)
    drawn = bucketed(lengths, places_only, seed=seed, **options)

    def at(turn, index):
        places, longest = tf.cond(
            turn == 0, lambda: ordered.at(turn, index), lambda: drawn.at(turn, index)
        )
        return reader(places[places >= 0], longest, augment.seeds(seed, turn, index, count=12))

    return Batches(drawn.count, at)


class Reader:
    """Places of utterances become a batch.

    Args:
        utterances: of a split.
        config, assets: the app's.
    """

    def __init__(self, utterances: Utterances, config: Config, assets: Assets):
        self._config, self._front = config, Front(config, assets.statistics)
        table, sizes = labels(utterances.texts, assets)
        lengths = utterances.sounds.lengths
        order = np.argsort(lengths, kind="stable")
        self._read = utterances.sounds.reader()
        with tf.device("cpu"):
            self._lengths, self._table = tf.constant(lengths), tf.constant(table)
            self._sizes = tf.constant(sizes)
            # the most letters of all clips up to a length, so that a bucket's batches are alike
            self._sorted = tf.constant(lengths[order])
            self._most = tf.constant(np.maximum.accumulate(sizes[order]), tf.int32)

    def __call__(self, places: tf.Tensor, longest: tf.Tensor, seeds: tf.Tensor | None):
        """One batch; `seeds` (12, 2) vary it."""
        config = self._config
        rows = rows_of(longest, config.batch_size, config.batch_samples)
        rows = filled(tf.cast(rows, tf.int32))
        weights = tf.cast(tf.range(rows) < tf.size(places), tf.float32)
        places = tf.concat([places, tf.repeat(places[:1], rows - tf.size(places))], 0)
        places, weights = mine(places), mine(weights)
        audio, lengths = full_scale(self._read(places, longest)), tf.gather(self._lengths, places)
        if seeds is not None:
            audio, lengths = varied(audio, lengths, config, seeds)
        features = self._front(audio)
        frames = tf.cast(self._front.frames(lengths), tf.int32)
        if seeds is not None:
            features = masked(features, frames, config, seeds)
        features *= of_frames(frames, tf.shape(features)[1])
        most = self._most[tf.searchsorted(self._sorted, longest[None], "right")[0] - 1]
        sizes = tf.gather(self._sizes, places)
        steps = self._front.steps(frames)
        target = tf.concat(
            [tf.stack([steps, sizes], 1), tf.gather(self._table, places)[:, :most]], 1
        )
        return {"features": features, "frames": frames}, target, weights


def dataset(source: Source, config: Config, split: str, assets: Assets) -> tf.data.Dataset:
    """One pass over a split."""
    return batches(source, config, split, assets).one_pass()
