"""Logits become probabilities: of a clip, and of every window of a stream."""

import functools
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.apps.whale.config import Config, Options
from kerasrnn.apps.whale.data import Assets, Source
from kerasrnn.apps.whale.front import Front
from kerasrnn.data.audio import read_audio
from kerasrnn.recurrence import portable


class Listener(tf.Module):
    """The model as what hears waveforms.

    Args:
        model: a trained network of whale.
        config, assets: its own.
    """

    def __init__(self, model, config: Config, assets: Assets):
        super().__init__(name="whale")
        self.model_variables = [variable.value for variable in model.variables]
        self.config, self.front, self._statistics = config, Front(config), assets.statistics
        # not compiled, which it would be anew for each number of windows; and out of tf.Module's sight
        self._network = portable()(lambda x: model(x, training=False))
        kept = (config.frames - config.hop_frames, config.bands)
        self.state = {"heard": ((), tf.int32), "frames": (kept, tf.float32), **self.front.state}
        clips, sound = (tf.TensorSpec([None, n], tf.float32) for n in (config.samples, None))
        given = {n: tf.TensorSpec([None, *shape], kind) for n, (shape, kind) in self.state.items()}
        self.clips_heard = tf.function(self.clips, [clips], autograph=False)
        self.heard_on = tf.function(self.hear, [sound, given], autograph=False)
        lengths = tf.TensorSpec([None], tf.int64)
        self.heard_whole = tf.function(self.whole, [sound, lengths], autograph=False)

    def clips(self, audio: tf.Tensor) -> tf.Tensor:
        """The probability of a call in each clip (B, samples), (B,)."""
        logits = self._network(self._statistics(self.front.clip(audio)))
        return tf.sigmoid(tf.cast(logits[:, 0], tf.float32))

    def start(self, rows) -> dict[str, tf.Tensor]:
        """The state at the start of `rows` recordings: zeros."""
        return {name: tf.zeros([rows, *shape], kind) for name, (shape, kind) in self.state.items()}

    def hear(self, audio: tf.Tensor, state: dict) -> tuple[tf.Tensor, tf.Tensor, dict]:
        """Hear a recording on, through a window of `seconds` that moves on by `hop`.

        The sound's features are made once, with PCEN's state running on; the network reads each window afresh,
        from the frames that the state keeps. Pieces of any lengths give the probabilities of the whole.

        Args:
            audio: float32 (B, n hop_samples), n at least 1.
            state: as `start` or the call before gave it.
        Returns:
            The probability (B, n) of a call in each window that ends with one of the n hops; whether the
            window was full, bool (B, n), which it is not in a recording's first `seconds`; the state after.
        """
        config = self.config
        front = {name: state[name] for name in self.front.state}
        features, front = self.front(audio, front)
        frames = tf.concat([state["frames"], self._statistics(features)], 1)
        probability = self._chances(frames)
        hops = tf.shape(probability)[1]
        heard = state["heard"][:, None] + tf.range(1, hops + 1)
        full = heard >= config.frames // config.hop_frames
        kept = frames[:, hops * config.hop_frames :]
        return probability, full, {"heard": heard[:, -1], "frames": kept, **front}

    def whole(self, audio: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """The highest probability of the windows in recordings (B, S), of which `lengths` (B,) count, (B,).

        A recording's last, incomplete hop ends in silence, and so does one that is shorter than a window.
        """
        config, samples = self.config, tf.shape(audio)[1]
        missing = tf.maximum(config.samples - samples, -samples % config.hop_samples)
        audio = tf.pad(audio, [[0, 0], [0, missing]])
        probability = self._chances(self._statistics(self.front.clip(audio)))
        after = tf.maximum(tf.cast(lengths, tf.int32) - config.samples, 0)
        count = 1 - (-after // config.hop_samples)
        there = tf.sequence_mask(count, tf.shape(probability)[1])
        return tf.reduce_max(tf.where(there, probability, 0.0), axis=1)

    def _chances(self, frames: tf.Tensor) -> tf.Tensor:
        """The probability (B, n) in each of the n windows that lie in frames (B, T, F)."""
        config = self.config
        windows = tf.signal.frame(frames, config.frames, config.hop_frames, axis=1)
        rows, count = tf.unstack(tf.shape(windows)[:2])
        logits = self._network(tf.reshape(windows, [-1, config.frames, config.bands]))
        return tf.reshape(tf.sigmoid(tf.cast(logits, tf.float32)), [rows, count])


@functools.lru_cache(maxsize=1)
def listener(model, config: Config, assets: Assets) -> Listener:
    """The last model's listener, kept so that its graphs are made once."""
    return Listener(model, config, assets)


def clip_probability(heard: Listener, sound: np.ndarray) -> float:
    """The probability of a call in a sound (samples,): the highest of its windows'."""
    lengths = tf.constant([len(sound)], tf.int64)
    return float(heard.heard_whole(tf.constant(sound[None]), lengths)[0])


def predict(model, config: Config, assets: Assets, inputs: list[str], options: Options) -> list:
    """{"probability", "call"} for each audio file; of one longer than a window, the highest of its windows.

    Raises:
        UserError: if a file cannot be read, or lasts over ten minutes.
    """
    heard = listener(model, config, assets)
    answers = []
    for path in inputs:
        chance = clip_probability(heard, read_audio(Path(path), config.rate))
        answers.append({"probability": chance, "call": chance >= options.threshold})
    return answers


def show(path: str, answer: dict) -> str:
    """A file's name and its answer, as a person reads them."""
    return f"{path}: {answer}"


def preview(model, config: Config, assets: Assets, source: Source):
    """() -> None: a probability says nothing that the metrics do not."""
    return lambda: None
