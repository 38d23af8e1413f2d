"""How much of what is said is written down wrongly: word and character error rates."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.apps.deepspeech.data import Assets, Source, Utterances
from kerasrnn.apps.deepspeech.decode import Listener
from kerasrnn.errors import UserError
from kerasrnn.metrics.speech import judge_transcripts
from kerasrnn.notice import tell

OBJECTIVE = ("wer", "min")
ROWS = 32  # recordings that are heard at once


def judge(model, config: Config, assets: Assets, source: Source, split: str):
    """A function that judges `model`, as it is when called, on a split, with `config.beams`.

    Returns:
        () -> (recordings, metrics): those of `judge_transcripts`. Letters that the model's alphabet lacks are
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
        said = transcripts(heard, utterances, config.beams)
        return len(said), judge_transcripts(utterances.texts, said)

    return ask


def transcripts(heard: Listener, utterances: Utterances, beams: int) -> list[str]:
    """What is heard in each recording."""
    found = [""] * len(utterances)
    for places, audio, lengths in by_length(utterances):
        texts = heard.transcriber(beams)(audio, lengths)["transcript"].numpy()[:, 0]
        for place, text in zip(places, texts, strict=True):
            found[place] = text.decode()
    return found


def by_length(
    utterances: Utterances, rows: int = ROWS
) -> Iterator[tuple[np.ndarray, tf.Tensor, tf.Tensor]]:
    """(places, audio float32 (B, S), lengths int64 (B,)) of like lengths, the shortest first."""
    lengths = utterances.sounds.lengths
    order = np.argsort(lengths, kind="stable")
    for first in range(0, len(order), rows):
        places = order[first : first + rows]
        audio = np.zeros((len(places), lengths[places].max()), np.float32)
        for row, place in zip(audio, places, strict=True):
            row[: lengths[place]] = utterances.sounds[place]
        yield places, tf.constant(audio), tf.constant(lengths[places])
