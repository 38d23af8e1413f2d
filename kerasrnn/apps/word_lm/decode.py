"""Logits become text: read a prompt, then write word by word, in one graph; or rank sentences."""

import dataclasses
import functools
import math
from pathlib import Path

import tensorflow as tf

from kerasrnn.apps.word_lm.config import Config, Options
from kerasrnn.apps.word_lm.data import END, UNKNOWN, Assets, Source, words
from kerasrnn.data.text import read_text, utf8
from kerasrnn.decoders import Writer, show_answer
from kerasrnn.decoders.rescoring import Hypothesis, rescore
from kerasrnn.errors import UserError
from kerasrnn.notice import tell
from kerasrnn.training.truncated import TruncatedBPTT

PREVIEW = 20  # words of the sample after each epoch
SCORED = 32  # sentences that are scored at once


class WordWriter(Writer):
    """The model as a reader and writer of strings. It never writes <unk>.

    Args:
        model: a trained word_lm.
        assets: its vocabulary.
    """

    def __init__(self, model: TruncatedBPTT, assets: Assets):
        forbidden = [word == UNKNOWN for word in assets.vocabulary]
        super().__init__(model.model, assets.vocabulary.index(END), "word_lm_writer", forbidden)
        self._assets = assets
        self._table = assets.table  # so that it is saved
        written = ["\n" if word == END else word for word in assets.vocabulary]
        self._written = [utf8(word) for word in written]

    def number(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Strings (B,) as tokens, after the line's end that opens each."""
        opening = tf.fill([tf.shape(texts)[0], 1], self.start)
        return tf.concat([tf.RaggedTensor.from_tensor(opening), self._assets.number(texts)], axis=1)

    def stop(self, text: str) -> tf.Tensor:
        return super().stop(text)[1:]

    def framed(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        ended = tf.strings.regex_replace(texts, r"\s*$", "\n", replace_global=False)
        return self.read(ended)

    def spell(self, tokens: tf.Tensor, lengths: tf.Tensor, prompts: tf.Tensor) -> tf.Tensor:
        spelt = tf.RaggedTensor.from_tensor(tf.gather(tf.constant(self._written), tokens), lengths)
        texts = tf.strings.join(["", tf.strings.reduce_join(spelt, axis=1, separator=" ")], " ")
        for pattern, instead in (
            (r" ?\n ?", "\n"),
            (r" ([,.;:!?)\]}…”»])", r"\1"),
            (r"([(\[{“«]) ", r"\1"),
        ):
            texts = tf.strings.regex_replace(texts, pattern, instead)
        opened = tf.strings.regex_full_match(prompts, r"(?s)|(?s).*[\s(\[{“«]")
        return tf.where(opened | (lengths == 0), tf.strings.regex_replace(texts, "^ ", ""), texts)

    def score(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """As `Writer.score`; an unknown word shares P(<unk>) with all that <unk> stood for in training.

        Otherwise a sentence of unknown words would be likelier than one of known words.
        """
        total, counts = super().score(texts)
        unknown = self._assets.number(texts) == self._assets.vocabulary.index(UNKNOWN)
        times = tf.reduce_sum(tf.cast(unknown, tf.float32), axis=1)
        return total - times * math.log(self._assets.rare), counts

    def log_probabilities(self, sentences: list[str]) -> list[float]:
        """ln P of each sentence, its end included, some at a time."""
        found = []
        for first in range(0, len(sentences), SCORED):
            some = [utf8(sentence) for sentence in sentences[first : first + SCORED]]
            found += self.score(tf.constant(some))[0].numpy().tolist()
        return found


@functools.lru_cache(maxsize=1)
def _writer(model, assets: Assets) -> WordWriter:
    """The last model's writer, kept so that its graph is compiled once."""
    return WordWriter(model, assets)


def predict(model, config: Config, assets: Assets, inputs: list[str], options: Options) -> list:
    """What the model writes after each prompt; with `options.nbest`, each file's lists, ranked."""
    if not all(isinstance(prompt, str) for prompt in inputs):
        raise UserError("Each prompt must be a string.")
    writer = _writer(model, assets)
    if options.nbest:
        return [_ranked(writer, read_nbest(path), options) for path in inputs]
    unseen = assets.unseen(inputs)
    if unseen:
        tell(f"The model does not know {', '.join(map(repr, unseen))}; each is read as {UNKNOWN}.")
    asked = words([options.stop], assets.lowercase)
    if options.stop and (not asked or assets.unseen([options.stop])):
        tell(
            f"The model cannot write the stop text {options.stop!r}; only the length ends the text."
        )
        options = dataclasses.replace(options, stop="")
    return writer.answers([utf8(prompt) for prompt in inputs], options)


def read_nbest(path: str) -> list[list[Hypothesis]]:
    """n-best lists in a file: a line `score<TAB>sentence` for each hypothesis, an empty one between lists.

    Raises:
        UserError: if a line is none of these, or there is no hypothesis.
    """
    lists = [[]]
    for number, line in enumerate(read_text(Path(path)).split("\n"), 1):
        if not line.strip():
            lists.append([])
            continue
        score, tab, sentence = line.partition("\t")
        try:
            value = float(score) if tab else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UserError(
                f"{path}, line {number}: must be score<TAB>sentence, got {line[:60]!r}."
            )
        lists[-1].append(Hypothesis(sentence, value))
    lists = [hypotheses for hypotheses in lists if hypotheses]
    if not lists:
        raise UserError(f"{path} must hold lines of score<TAB>sentence, but it is empty.")
    return lists


def _ranked(writer: WordWriter, lists: list[list[Hypothesis]], options: Options) -> list:
    ranked = rescore(
        lists, writer.log_probabilities, weight=options.weight, word_bonus=options.word_bonus
    )
    return [[one._asdict() for one in hypotheses] for hypotheses in ranked]


def show(prompt: str, answer: str | list) -> str:
    """A prompt and its continuation, or several with scores, or ranked lists, as a person reads them."""
    if isinstance(answer, str) or not answer or isinstance(answer[0], dict):
        return show_answer(prompt, answer)
    return "\n\n".join(
        "\n".join(f"{one['score']:.3f}\t{one['sentence']}" for one in hypotheses)
        for hypotheses in answer
    )


def preview(model, config: Config, assets: Assets, source: Source):
    """() -> a short sample of what the model writes by now, on one line."""
    writer = WordWriter(model, assets)
    options = Options(length=PREVIEW, seed=1)
    return lambda: writer.texts([b""], options)[0].replace("\n", "⏎")
