"""Logits become text: read a prompt, then write character by character, in one graph."""

import dataclasses
import functools
import re

import numpy as np
import tensorflow as tf

from kerasrnn.apps.char_lm.config import Config, Options
from kerasrnn.apps.char_lm.data import Assets, code_points
from kerasrnn.decoders import draws, generate
from kerasrnn.errors import UserError
from kerasrnn.notice import tell
from kerasrnn.training.truncated import TruncatedBPTT

LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # what Python makes of a byte that is not UTF-8
PREVIEW = 100  # characters of the sample after each epoch


class Writer(tf.Module):
    """The model as a reader and writer of strings; `predict` and the exported graph are both made of it.

    Args:
        model: a trained char_lm.
        assets: its vocabulary.
    """

    def __init__(self, model: TruncatedBPTT, assets: Assets):
        super().__init__(name="char_lm_writer")
        network = model.model
        self.network_variables = [variable.value for variable in network.variables]
        self.state_sizes = [int(state.shape[-1]) for state in network.inputs[1:]]
        points = code_points(assets.vocabulary).astype(np.int32)
        order = np.argsort(points)
        self._points, self._sorted, self._order = points, points[order], order.astype(np.int32)
        self._replacement, self._start = assets.replacement, assets.start
        self._network = lambda inputs: network(
            inputs, training=False
        )  # kept out of tf.Module's sight
        self.write_fast = tf.function(self.write, jit_compile=True, autograph=False)

    def read(self, texts: tf.Tensor, first: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Strings (B,) as numbers (B, P), padded with `first`, which also opens an empty string.

        Returns:
            tokens int32 (B, P) and lengths int32 (B,), each at least 1.
        """
        points = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
        place = tf.minimum(tf.searchsorted(self._sorted, points.flat_values), len(self._sorted) - 1)
        known = tf.gather(self._sorted, place) == points.flat_values
        numbers = tf.where(known, tf.gather(self._order, place), self._replacement)
        tokens = points.with_flat_values(numbers).to_tensor(first)
        tokens = tf.pad(tokens, [[0, 0], [0, 1]], constant_values=first)
        return tokens, tf.cast(tf.maximum(points.row_lengths(), 1), tf.int32)

    def spell(self, tokens: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Numbers (B, L) as strings (B,)."""
        points = tf.RaggedTensor.from_tensor(tf.gather(self._points, tokens), lengths)
        return tf.strings.unicode_encode(points, "UTF-8")

    def fresh(self, rows) -> list[tf.Tensor]:
        """The states before the first character."""
        return [tf.zeros([rows, size]) for size in self.state_sizes]

    def step(self, tokens, states):
        logits, *states = self._network([tokens[:, None], *states])
        return logits[:, 0], states

    def write(self, tokens, lengths, length, temperature, top_k, top_p, uniforms, stop=None):
        """What follows each prompt: tokens int32 (B, L) and lengths (B,); see `decoders.generate`."""
        return generate(
            self.step,
            tokens,
            lengths,
            self.fresh(tf.shape(tokens)[0]),
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            uniforms=uniforms,
            stop=stop,
        )

    def score(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """ln P(every character after the first | those before it), (B,), and how many they are, (B,)."""
        tokens, lengths = self.read(texts, self._start)
        logits, *_ = self._network([tokens[:, :-1], *self.fresh(tf.shape(tokens)[0])])
        chances = tf.nn.log_softmax(tf.cast(logits, tf.float32))
        taken = tf.gather(chances, tokens[:, 1:], batch_dims=2)
        counted = tf.sequence_mask(lengths - 1, tf.shape(taken)[1])
        return tf.reduce_sum(tf.where(counted, taken, 0.0), axis=1), lengths - 1

    def texts(self, prompts: list[str], options: Options) -> list[str]:
        """What follows each prompt, through XLA; shapes are rounded up so that few are compiled."""
        rows = len(prompts)
        raw = [LONE_SURROGATE.sub("\ufffd", prompt).encode() for prompt in prompts]
        tokens, lengths = self.read(tf.constant(raw, tf.string), self._start)
        tokens = tf.pad(tokens, [[0, 0], [0, _bucket(tokens.shape[1]) - tokens.shape[1]]])
        stop = None
        if options.stop:
            stop = self.read(tf.constant([options.stop]), self._start)[0][0, :-1]
        written = self.write_fast(
            tokens,
            lengths,
            tf.fill([rows], options.length),
            tf.fill([rows], 0.0 if options.greedy else options.temperature),
            tf.fill([rows], options.top_k),
            tf.fill([rows], options.top_p),
            draws([options.seed] * rows, _bucket(options.length)),
            stop,
        )
        return [text.decode("utf-8") for text in self.spell(*written).numpy()]


def _bucket(size: int) -> int:
    """The next power of two from 16."""
    return max(16, 1 << (size - 1).bit_length())


@functools.lru_cache(maxsize=1)
def _writer(model, assets: Assets) -> Writer:
    """The last model's writer, kept so that its graph is compiled once."""
    return Writer(model, assets)


def predict(
    model, config: Config, assets: Assets, inputs: list[str], options: Options
) -> list[str]:
    """What the model writes after each prompt."""
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
    return _writer(model, assets).texts(inputs, options)


def show(prompt: str, answer: str) -> str:
    """A prompt and its continuation as a person reads them."""
    return prompt + answer


def preview(model, config: Config, assets: Assets):
    """() -> a short sample of what the model writes by now, on one line."""
    writer = Writer(model, assets)
    options = Options(length=PREVIEW, seed=1)
    return lambda: writer.texts([""], options)[0].replace("\n", "⏎")
