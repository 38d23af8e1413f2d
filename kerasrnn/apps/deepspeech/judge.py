"""How much of what is said is written down wrongly: word and character error rates."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.apps.deepspeech.config import Config, Options
from kerasrnn.apps.deepspeech.data import Assets, Source, Utterances
from kerasrnn.apps.deepspeech.decode import Listener
from kerasrnn.apps.deepspeech.search import BEAMS, corrected, save_weights, searcher
from kerasrnn.decoders.ctc_tuning import tuned
from kerasrnn.errors import UserError
from kerasrnn.metrics.speech import judge_transcripts
from kerasrnn.notice import tell

OBJECTIVE = ("wer", "min")
ROWS = 32  # recordings that are heard at once
OWN = Options(lm="own")
SETTLED = 300.0  # seconds of validation recordings that weights are chosen on, about


def judge(model, config: Config, assets: Assets, source: Source, split: str):
    """A function that judges `model`, as it is when called, on a split.

    Returns:
        () -> (recordings, metrics): those of `judge_transcripts` with the language model of the training
        transcripts, and wer_greedy and cer_greedy without one. Letters that the model's alphabet lacks are
        errors, and their number is told.
    Raises:
        UserError: if the split is empty.
    """
    utterances = source.splits[split]
    if not len(utterances):
        raise UserError(f"The {split} split of {source.name} must hold a recording at least.")
    outside = [
        letter for text in utterances.texts for letter in text if letter not in assets.alphabet
    ]
    if outside:
        tell(
            f"{len(outside):,} letters of the {split} transcripts are not among those that the model knows, "
            f"and count as errors: {' '.join(sorted(set(outside)))}."
        )
    heard = Listener(model, config, assets)

    def ask() -> tuple[int, dict[str, float]]:
        greedy, best = with_language(heard, utterances, config, assets)
        alone = judge_transcripts(utterances.texts, greedy)
        alone = {f"{name}_greedy": alone[name] for name in ("wer", "cer")}
        return len(best), judge_transcripts(utterances.texts, best) | alone

    return ask


def transcripts(heard: Listener, utterances: Utterances, beams: int) -> list[str]:
    """What is heard in each recording, in graph and without a language model."""
    return _each(heard, utterances, lambda *found: [_plain(heard, *found, beams)])[0]


def with_language(
    heard: Listener, utterances: Utterances, config: Config, assets: Assets
) -> list[list[str]]:
    """What is heard greedily, and what with the language model; without one, by `config.beams`."""
    if assets.language is None or config.beams == 1:
        return _each(
            heard, utterances, lambda *found: [_plain(heard, *found, n) for n in (1, config.beams)]
        )
    search = searcher(assets, OWN, BEAMS)
    return _each(
        heard,
        utterances,
        lambda *found: [_plain(heard, *found, 1), corrected([_arrays(*found)], search)],
    )


def _each(heard: Listener, utterances: Utterances, read: Callable) -> list[list[str]]:
    """The texts that `read` makes of logits and steps, one list a kind, in the order of the utterances."""
    every = [(places, read(logits, steps)) for places, logits, steps in listened(heard, utterances)]
    order = np.argsort(np.concatenate([places for places, _ in every]))
    kinds = zip(*(kinds for _, kinds in every), strict=True)
    joined = [[text for texts in kind for text in texts] for kind in kinds]
    return [[texts[place] for place in order] for texts in joined]


def _plain(heard: Listener, logits: tf.Tensor, steps: tf.Tensor, beams: int) -> list[str]:
    return [text.decode() for text in heard.writer(beams)(logits, steps).numpy()]


def _arrays(logits: tf.Tensor, steps: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    return logits.numpy(), steps.numpy()


def settle(model, config: Config, assets: Assets, source: Source, folder: Path) -> None:
    """Choose on validation what the language model and a word weigh, and write it beside the assets."""
    if assets.language is None or config.beams == 1:
        return
    utterances, heard = source.splits["valid"], Listener(model, config, assets)
    if utterances.names == source.splits["train"].names:
        tell(
            "There is nothing to validate on, so the language model keeps the weights it began with."
        )
        return
    groups = list(listened(heard, utterances))
    seconds = float(utterances.sounds.lengths.sum()) / config.rate
    groups = groups[:: math.ceil(seconds / SETTLED)]
    said = [utterances.texts[place] for places, *_ in groups for place in places]

    def error(texts: list[str]) -> float:
        rates = judge_transcripts(said, texts)
        return rates["wer"] + rates["cer"] / 100  # letters decide between equals

    batches = [_arrays(logits, steps) for _, logits, steps in groups]
    best, _ = tuned(searcher(assets, OWN, BEAMS), batches, error)
    save_weights(best.weights, folder)


def listened(heard: Listener, utterances: Utterances) -> Iterator[tuple]:
    """(places, logits (B, T', K), T' (B,)) of recordings of like lengths, the shortest first."""
    for places, audio, lengths in by_length(utterances):
        yield places, *heard.heard(audio, lengths)


def by_length(
    utterances: Utterances, rows: int = ROWS
) -> Iterator[tuple[np.ndarray, tf.Tensor, tf.Tensor]]:
    """(places, audio float32 (B, S), lengths int64 (B,)) of like lengths, the shortest first."""
    lengths = utterances.sounds.lengths[: len(utterances)]  # there may be more sounds
    order = np.argsort(lengths, kind="stable")
    for first in range(0, len(order), rows):
        places = order[first : first + rows]
        audio = np.zeros((len(places), lengths[places].max()), np.float32)
        for row, place in zip(audio, places, strict=True):
            row[: lengths[place]] = utterances.sounds[place]
        yield places, tf.constant(audio), tf.constant(lengths[places])
