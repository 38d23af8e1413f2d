"""Sounds become windows of µ-law codes: what is learned from and judged, and what is heard before it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.apps.wavenet.config import ORDER, Config
from kerasrnn.apps.wavenet.recordings import Recordings, Source, open_source
from kerasrnn.apps.wavenet.timing import HOP, timed_rows
from kerasrnn.baselines import CodePredictor
from kerasrnn.data.batching import Batches, dealt, mine
from kerasrnn.errors import UserError
from kerasrnn.files import write_text
from kerasrnn.layers.companding import LEVELS, silence

__all__ = ["Assets", "Source", "batches", "dataset", "open_source", "prepare"]

FITTED = 200_000  # samples that the linear predictor is fitted to, at most


@dataclass(frozen=True, eq=False)
class Assets:
    """What a trained model needs besides its weights, and what it is compared with.

    Attributes:
        classes: the sounds' names; () where there are none.
        baseline: how often each code comes, and the linear predictor, from the training sounds.
    """

    classes: tuple[str, ...]
    baseline: CodePredictor

    FILE = "sounds.json"

    def save(self, folder: Path) -> None:
        values = {"classes": list(self.classes), "baseline": self.baseline.to_json()}
        write_text(folder / self.FILE, json.dumps(values))

    @classmethod
    def load(cls, folder: Path) -> "Assets":
        values = json.loads((folder / cls.FILE).read_text("utf-8"))
        return cls(tuple(map(str, values["classes"])), CodePredictor.from_json(values["baseline"]))

    def kind(self, name: str) -> int:
        """The number of a class.

        Raises:
            UserError: if the model has none of that name.
        """
        if name not in self.classes:
            raise UserError(
                f"A class must be one of {', '.join(self.classes) or 'none: this model has no classes'}; "
                f"got {name!r}."
            )
        return self.classes.index(name)


def prepare(source: Source, config: Config) -> Assets:
    """The classes' names, and the baselines fitted to the training sounds."""
    codes = source.splits["train"].codes
    baseline = CodePredictor(ORDER, LEVELS).fit(codes, most=FITTED)
    return Assets(source.classes, baseline)


@dataclass(frozen=True)
class Windows:
    """Sounds end to end, silence between them, and where windows begin.

    Attributes:
        codes: uint8 (all,): before each sound `context` of silence, behind it up to a window's end.
        begins: int64 (W,), of each window's context.
        firsts, lasts: int64 (W,), least and most that it may be moved to.
        counted: int32 (W,), samples behind the context that belong to the sound.
        lengths: int64 (W,), samples of the whole sound, which begins `context` after `firsts`.
        kinds: int32 (W,), the sounds' classes.
    """

    codes: np.ndarray
    begins: np.ndarray
    firsts: np.ndarray
    lasts: np.ndarray
    counted: np.ndarray
    lengths: np.ndarray
    kinds: np.ndarray

    @classmethod
    def of(cls, sounds: Recordings, config: Config) -> "Windows":
        parts, rows, place = [], [], 0
        quiet = np.full(config.context, silence(), np.uint8)
        for codes, kind in zip(sounds.codes, sounds.kinds, strict=True):
            spare = -len(codes) % config.window
            parts += [quiet, codes, np.full(spare, silence(), np.uint8)]
            last = place + max(len(codes) - config.window, 0)
            for first in range(0, len(codes), config.window):
                counted = min(config.window, len(codes) - first)
                rows.append((place + first, place, last, counted, len(codes), kind))
            place += config.context + len(codes) + spare
        columns = np.array(rows, np.int64).reshape(-1, 6).T
        return cls(np.concatenate(parts), *columns)


def batches(
    source: Source, config: Config, split: str, assets: Assets, seed=None, most=0
) -> Batches:
    """Windows of the split in order; with a `seed`, in a new order in each pass, each moved by up to half of
    its length.

    Args:
        most: so many windows, evenly chosen; 0 takes all.
    Returns:
        Batches of {"samples": int32 (B, context + window), "class": int32 (B,) where there are classes,
        "local": float32 (B, L, D) where the model is timed}; the samples again, without strays; and weights
        float32, 0 for what is only heard or lies behind a sound's end.
    """
    sounds = source.splits[split]
    if not sounds.samples:
        raise UserError(f"The {split} split of {source.name} must hold a sound at least.")
    made = Windows.of(sounds, config)
    chosen = np.arange(len(made.begins))
    if most and most < len(chosen):
        chosen = chosen[np.linspace(0, len(chosen) - 1, most).astype(int)]
    with tf.device("cpu"):
        codes = tf.constant(made.codes)
        columns = (made.begins, made.firsts, made.lasts, made.counted, made.lengths, made.kinds)
        table = np.stack(columns, axis=1)
        table = tf.constant(table[chosen])
    total, length = len(chosen), config.context + config.window

    def at(turn, index):
        place, fresh = dealt(total, config.batch_size, turn, index, seed)
        row = tf.gather(table, place)
        begin, first, last, counted, whole, kind = tf.unstack(row, axis=1)
        if seed is not None:
            half = config.window // 2
            drawn = tf.random.stateless_uniform(
                [config.batch_size], tf.stack([seed + turn, index]), -half, half + 1, tf.int64
            )
            moved = tf.clip_by_value(begin + mine(drawn), first, last)
            short = last == first  # less than a window: it stays, with silence behind
            begin, counted = tf.where(short, begin, moved), tf.where(short, counted, config.window)
        samples = tf.cast(
            tf.gather(codes, begin[:, None] + tf.range(length, dtype=tf.int64)), tf.int32
        )
        behind = tf.range(-config.context, config.window, dtype=tf.int64)
        weights = tf.cast((behind >= 0) & (behind < counted[:, None]), tf.float32) * fresh[:, None]
        heard = samples
        if seed is not None and config.strays:
            stray = mine(strayed(config, tf.stack([seed + turn, -1 - index]), codes))
            foreign = stray >= 0
            heard = tf.where(foreign, stray, samples)
            weights *= tf.cast(~foreign, tf.float32)
        x = {"samples": heard}
        if assets.classes:
            x["class"] = tf.cast(kind, tf.int32)
        if config.timed:
            begun = first + config.context - begin
            x["local"] = timed_rows(0, -(-length // HOP), begun, begun + whole, config.rate)
        return x, samples, weights

    return Batches(-(-total // config.batch_size), at)


def strayed(config: Config, seed, codes: tf.Tensor) -> tf.Tensor:
    """What comes instead of the beginning of some examples, int32 (B, context + window); -1 where nothing does.

    A sound that is written drifts to where training has never been, and stays there. So `strays` of the
    examples begin inside another sound, or in silence, up to the middle of the window at most, and what is
    learned from is how they go on.
    """
    length, column = config.context + config.window, [config.batch_size, 1]
    first, second, third = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    chance, quiet = tf.unstack(tf.random.stateless_uniform([2, *column], first))
    longest = config.context + config.window // 2
    until = tf.random.stateless_uniform(column, second, 0, longest + 1, tf.int64)
    place = tf.random.stateless_uniform(column, third, 0, len(codes) - length + 1, tf.int64)
    steps = tf.range(length, dtype=tf.int64)[None]
    other = tf.cast(tf.gather(codes, place + steps), tf.int32)
    other = tf.where(quiet < 0.5, silence(), other)
    return tf.where((chance < config.strays) & (steps < until), other, -1)


def dataset(source: Source, config: Config, split: str, assets: Assets) -> tf.data.Dataset:
    """One pass over a split."""
    return batches(source, config, split, assets).one_pass()
