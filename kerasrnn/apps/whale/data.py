"""Labelled clips of sound become normalised features and batches of (features, whether there is a call)."""

from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from kerasrnn.apps.whale.clips import Source, full_scale, open_source
from kerasrnn.apps.whale.config import Config
from kerasrnn.apps.whale.front import Front
from kerasrnn.data import augment
from kerasrnn.data.batching import Batches, dealt, mine, whole
from kerasrnn.data.features import Statistics
from kerasrnn.data.splits import SPLITS
from kerasrnn.errors import UserError

__all__ = ["Assets", "Source", "batches", "dataset", "open_source", "prepare", "read"]


@dataclass(frozen=True)
class Assets:
    """What a trained model needs besides its weights.

    Attributes:
        statistics: of each feature over the training clips.
    """

    statistics: Statistics

    FILE = "statistics.json"

    def save(self, folder: Path) -> None:
        self.statistics.save(folder / self.FILE)

    @classmethod
    def load(cls, folder: Path) -> "Assets":
        return cls(Statistics.load(folder / cls.FILE))


def prepare(source: Source, config: Config) -> Assets:
    """Mean and deviation of each band over the training clips, of up to a thousand.

    Raises:
        UserError: if one of the two kinds of clips is missing.
    """
    train = source.splits["train"]
    if train.labels.all() or not train.labels.any():
        raise UserError(f"The training clips of {source.name} must be of both kinds, got one.")
    front = Front(config)
    some = train.audio[:: max(1, len(train.audio) // 1000)]
    parts = (full_scale(some[first : first + 100]) for first in range(0, len(some), 100))
    return Assets(Statistics.of(front.clip(part).numpy() for part in parts))


def read(source: Source) -> None:
    """Decode the clips of all splits, and tell of those that cannot be.

    Raises:
        UserError: that lists them.
    """
    for split in SPLITS:
        _ = source.splits[split]


def batches(source: Source, config: Config, split: str, assets: Assets, seed=None) -> Batches:
    """Clips of the split in order; with a `seed`, in a new order in each pass, and varied.

    Every batch has `batch_size` clips; what the last of a pass lacks, it takes from the pass's beginning,
    with weight 0 unless there is a `seed`.

    Returns:
        Batches of features float32 (B, T, F), labels float32 (B, 1) and weights float32 (B,).
    """
    clips = source.splits[split]
    front, total, size = Front(config), len(clips.labels), config.batch_size
    if not total:
        raise UserError(f"The {split} split of {source.name} must hold a clip at least.")
    with tf.device("cpu"):
        audio, labels = tf.constant(clips.audio), tf.constant(clips.labels, tf.float32)

    def at(turn, index):
        place, weights = dealt(total, size, turn, index, seed)
        sound = full_scale(tf.gather(audio, place))
        drawn = None if seed is None else augment.seeds(seed, turn, index, count=6)
        if seed is not None:
            sound = varied(sound, config, drawn)
        x = assets.statistics(front.clip(sound))
        if seed is not None and config.frequency_mask:
            x = augment.frequency_mask(x, config.frequency_mask, drawn[4])
        if seed is not None and config.time_mask:
            x = augment.time_mask(x, config.time_mask, drawn[5])
        return x, tf.gather(labels, place)[:, None], weights

    return Batches(-(-total // size), at)


def varied(sound: tf.Tensor, config: Config, seeds: tf.Tensor) -> tf.Tensor:
    """Clips (B, S) turned, in noise, louder or softer."""
    sound = augment.time_shift(sound, round(config.shift * config.rate), seeds[0])
    noises = augment.coloured_noise([augment.NOISES, sound.shape[1]], seeds[1])
    drawn = tf.random.stateless_uniform([2, whole(sound.shape[0])], seeds[2])
    quiet, snr = map(mine, tf.unstack(drawn))
    noisy = augment.add_noise(sound, augment.shared(noises, sound), 20 * snr)
    sound = tf.where(quiet[:, None] < config.noise, noisy, sound)
    return augment.level(sound, config.level, seeds[3])


def dataset(source: Source, config: Config, split: str, assets: Assets) -> tf.data.Dataset:
    """One pass over a split."""
    return batches(source, config, split, assets).one_pass()
