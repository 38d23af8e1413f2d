"""What a search over CTC frames found, for people: texts, and their words in time."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasrnn.decoders.ctc_alignment import CTCPath, align, confidences


class Hypothesis(NamedTuple):
    """What may have been said.

    Attributes:
        text: its words, one blank between them.
        score: `LanguageSearch`'s (1), nats, of the best labelling that reads so.
        acoustic: ln p of that labelling, nats.
        confidence: `LanguageSearch`'s (2).
        symbols: the labelling's symbols by number; a blank may stand at its end.
    """

    text: str
    score: float
    acoustic: float
    confidence: float
    symbols: tuple[int, ...]


def listed(labellings: Sequence[tuple[str, tuple[int, ...]]], scores, acoustic) -> list[Hypothesis]:
    """Each text once, best first, with `LanguageSearch`'s (2).

    Args:
        labellings: (text, symbols) of each, best first.
        scores, acoustic: of each, nats.
    """
    shares = np.exp(scores - np.logaddexp.reduce(scores))
    found: dict[str, Hypothesis] = {}
    for (text, symbols), score, ln_p, share in zip(
        labellings, scores, acoustic, shares, strict=True
    ):
        first = found.get(text, Hypothesis(text, float(score), float(ln_p), 0.0, symbols))
        found[text] = first._replace(confidence=first.confidence + float(share))
    return list(found.values())


class Word(NamedTuple):
    """A word in time.

    Attributes:
        text: without blanks.
        start, end: s, where its first symbol begins and its last one ends in the likeliest alignment.
        confidence: from 0 to 1, the geometric mean of its symbols' (see `ctc.confidences`).
    """

    text: str
    start: float
    end: float
    confidence: float


def words_of(symbols, starts, ends, sure, alphabet: Sequence[str], frame_step: float) -> list[Word]:
    """The words of one labelling.

    Args:
        symbols, starts, ends: integers (L,), padded with -1, as in a row of `CTCPath`.
        sure: (L,), the symbols' confidences.
        alphabet: the symbols by number; " " stands between words.
        frame_step: s between the beginnings of two frames.
    """
    found, begin = [], 0
    letters = [alphabet[symbol] for symbol in np.asarray(symbols) if symbol >= 0]
    for place, letter in enumerate([*letters, " "]):
        if letter != " ":
            continue
        if begin < place:
            chance = np.exp(np.mean(np.log(np.maximum(sure[begin:place], 1e-30))))
            times = float(starts[begin] * frame_step), float((ends[place - 1] + 1) * frame_step)
            found.append(Word("".join(letters[begin:place]), *times, float(chance)))
        begin = place + 1
    return found


def timed(
    labellings: Sequence[Sequence[int]],
    logits,
    frame_lengths,
    alphabet: Sequence[str],
    frame_step: float,
) -> list[list[Word]]:
    """The words of one labelling of each utterance, such as a `Hypothesis`' symbols.

    Args:
        logits, frame_lengths: those that it was read from; the blank is the last symbol.
        alphabet, frame_step: see `words_of`.
    """
    longest = max((len(symbols) for symbols in labellings), default=0)
    padded = np.full((len(labellings), 1, longest + 1), -1, np.int32)
    for row, symbols in enumerate(labellings):
        padded[row, 0, : len(symbols)] = symbols
    lengths = np.array([[len(symbols)] for symbols in labellings], np.int32)
    logits = tf.cast(logits, tf.float32)
    parts = _aligned(logits, tf.cast(frame_lengths, tf.int32), padded, lengths, len(alphabet))
    rows = zip(padded, *(part.numpy() for part in parts), strict=True)
    return [words_of(*(part[0] for part in row), alphabet, frame_step) for row in rows]


@tf.function(reduce_retracing=True, autograph=False)
def _aligned(logits, frame_lengths, symbols, lengths, blank):
    starts, ends = align(logits, frame_lengths, symbols, lengths, blank)
    count = tf.shape(symbols)[-1]
    starts, ends = (
        tf.pad(x, [[0, 0], [0, 0], [0, count]], constant_values=-1)[..., :count]
        for x in (starts, ends)
    )
    path = CTCPath(symbols, lengths, tf.zeros_like(lengths, tf.float32), starts, ends)
    return starts, ends, confidences(path, logits)
