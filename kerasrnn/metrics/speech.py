"""Transcripts beside what was said: word and character error rate, their intervals, confused letters."""

from collections import Counter
from collections.abc import Sequence

import jiwer
import numpy as np

DRAWS = 1000  # of the bootstrap
AT_ONCE = 2**22  # numbers of the bootstrap held at once


def judge_transcripts(references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
    """The error rates of a corpus.

        WER = (S + D + I) / N        substitutions, deletions, insertions of the best alignments;
                                     N words of the references; CER is the same of characters

    Words stand between white space; white space counts as one blank, and none at the ends. Case and
    punctuation count as they are. An utterance without a word adds its insertions, and nothing to N.

    Returns:
        wer, cer; wer_low and wer_high, the ends of the WER's 95 % interval; words, characters: N of each.
        A corpus without a word has rates of 0 where nothing was heard either, else 1.
    Raises:
        ValueError: if there is no utterance, or the two differ in number.
    Source: jiwer, whose alignments are rapidfuzz's.
    """
    of_words = word_errors(references, hypotheses)
    of_characters = character_errors(references, hypotheses)
    low, high = rate_interval(*of_words)
    return {
        "wer": rate(*of_words),
        "wer_low": low,
        "wer_high": high,
        "cer": rate(*of_characters),
        "words": int(of_words[1].sum()),
        "characters": int(of_characters[1].sum()),
    }


def word_errors(references, hypotheses) -> tuple[np.ndarray, np.ndarray]:
    """S + D + I and N of each utterance, integers (B,)."""
    return _counted(jiwer.process_words(*_checked(references, hypotheses)))


def character_errors(references, hypotheses) -> tuple[np.ndarray, np.ndarray]:
    """S + D + I and N of each utterance's characters, blanks among them, integers (B,)."""
    return _counted(jiwer.process_characters(*_checked(references, hypotheses)))


def rate(errors: np.ndarray, count: np.ndarray) -> float:
    """Σ errors / Σ count; without anything to count, 0 or, if there are errors, 1."""
    return float(errors.sum() / count.sum()) if count.any() else float(errors.any())


def rate_interval(
    errors: np.ndarray, count: np.ndarray, share: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """The interval that holds `share` of the rates of bootstrap samples of utterances.

    Args:
        errors, count: integers (B,), of each utterance, as `word_errors` gives them.
        draws: bootstrap samples, by `seed`.

    Samples that have nothing to count are left out; where all have none, the ends are the rate itself.
    Source: Bisani & Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance
    evaluation", section 3.
    """
    rng, size, sums = np.random.default_rng(seed), len(errors), []
    rows = max(1, AT_ONCE // size)
    for first in range(0, draws, rows):
        weights = rng.multinomial(size, np.full(size, 1 / size), min(rows, draws - first))
        sums.append(weights @ np.stack([errors, count], axis=1))
    drawn, of = np.concatenate(sums).T
    if not of.any():
        return rate(errors, count), rate(errors, count)
    low, high = np.quantile(drawn[of > 0] / of[of > 0], [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def confusions(references: Sequence[str], hypotheses: Sequence[str]) -> Counter[tuple[str, str]]:
    """How often each character was heard as which, by the best alignments.

    Returns:
        (said, heard) → times; "" is said where one was inserted, and heard where one was deleted.
    """
    references, hypotheses = _checked(references, hypotheses)
    found: Counter[tuple[str, str]] = Counter()
    aligned = jiwer.process_characters(references, hypotheses).alignments
    for said, heard, chunks in zip(references, hypotheses, aligned, strict=True):
        for chunk in chunks:
            mine = said[chunk.ref_start_idx : chunk.ref_end_idx]
            theirs = heard[chunk.hyp_start_idx : chunk.hyp_end_idx]
            longest = max(len(mine), len(theirs))
            pairs = zip(
                *([*text, *[""] * (longest - len(text))] for text in (mine, theirs)), strict=True
            )
            found.update(pairs)
    return found


def _checked(references, hypotheses) -> tuple[list[str], list[str]]:
    """Both as jiwer reads them: one blank between words."""
    if len(references) != len(hypotheses) or not len(references):
        raise ValueError(
            "`references` and `hypotheses` must be as many, at least one each, got "
            f"{len(references)} and {len(hypotheses)}."
        )
    return tuple([" ".join(text.split()) for text in texts] for texts in (references, hypotheses))


def _counted(output) -> tuple[np.ndarray, np.ndarray]:
    """Errors and what is counted, of each utterance; a chunk that is not equal is of one kind."""
    errors = [
        sum(
            max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
            for chunk in chunks
            if chunk.type != "equal"
        )
        for chunks in output.alignments
    ]
    return np.array(errors), np.array([len(reference) for reference in output.references])
