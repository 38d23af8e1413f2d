"""Logits become text: read a prompt, then write character by character, in one graph."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from kerasrnn.apps.char_lm.config import Config, Options
from kerasrnn.apps.char_lm.data import Assets, Source, code_points
from kerasrnn.data.text import utf8
from kerasrnn.decoders import Writer, show_answer
from kerasrnn.errors import UserError
from kerasrnn.notice import tell
from kerasrnn.training.truncated import TruncatedBPTT

PREVIEW = 100  # characters of the sample after each epoch


class CharWriter(Writer):
    """The model as a reader and writer of strings.

    Args:
        model: a trained char_lm.
        assets: its vocabulary.
    """

    def __init__(self, model: TruncatedBPTT, assets: Assets):
        super().__init__(model.model, assets.start, "char_lm_writer")
        points = code_points(assets.vocabulary).astype(np.int32)
        order = np.argsort(points)
        self._points, self._sorted, self._order = points, points[order], order.astype(np.int32)
        self._replacement = assets.replacement

    def number(self, texts: tf.Tensor) -> tf.RaggedTensor:
        points = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
        place = tf.minimum(tf.searchsorted(self._sorted, points.flat_values), len(self._sorted) - 1)
        known = tf.gather(self._sorted, place) == points.flat_values
        return points.with_flat_values(
            tf.where(known, tf.gather(self._order, place), self._replacement)
        )

    def spell(self, tokens: tf.Tensor, lengths: tf.Tensor, prompts: tf.Tensor) -> tf.Tensor:
        points = tf.RaggedTensor.from_tensor(tf.gather(self._points, tokens), lengths)
        return tf.strings.unicode_encode(points, "UTF-8")


@functools.lru_cache(maxsize=1)
def _writer(model, assets: Assets) -> CharWriter:
    """The last model's writer, kept so that its graph is compiled once."""
    return CharWriter(model, assets)


def predict(model, config: Config, assets: Assets, inputs: list[str], options: Options) -> list:
    """What the model writes after each prompt; with `options.best`, several with their scores."""
    if not all(isinstance(prompt, str) for prompt in inputs):
        raise UserError("Each prompt must be a string.")
    unseen = assets.unseen("".join(inputs))
    if unseen:
        stand_in = assets.vocabulary[assets.replacement]
        tell(f"The model never saw {unseen!r} in training; each is read as {stand_in!r}.")
    if assets.unseen(options.stop):
        tell(
            f"The model cannot write the stop text {options.stop!r}; only the length ends the text."
        )
        options = dataclasses.replace(options, stop="")
    return _writer(model, assets).answers([utf8(prompt) for prompt in inputs], options)


def show(prompt: str, answer: str | list) -> str:
    """A prompt and its continuation, or several with scores, as a person reads them."""
    return show_answer(prompt, answer)


def preview(model, config: Config, assets: Assets, source: Source):
    """() -> a short sample of what the model writes by now, on one line."""
    writer = CharWriter(model, assets)
    options = Options(length=PREVIEW, seed=1)
    return lambda: writer.texts([b""], options)[0].replace("\n", "⏎")
