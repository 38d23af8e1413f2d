"""Logits to text with a language model: the second step of the slide "DeepSpeech", fix the spelling."""

import functools
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from kerasrnn.apps.deepspeech.config import Config, Options
from kerasrnn.baselines import NGramModel, kneser_ney, read_arpa, write_arpa
from kerasrnn.decoders.ctc_flashlight import FlashlightSearch
from kerasrnn.decoders.ctc_language import LanguageSearch, Weights
from kerasrnn.decoders.ctc_words import Hypothesis, timed
from kerasrnn.decoders.spelling import Spelling
from kerasrnn.errors import UserError
from kerasrnn.files import read_json, read_text, write_text
from kerasrnn.notice import tell

ARPA, WEIGHTS = "language.arpa", "weights.json"
MARKS = ("<s>", "</s>", "<unk>")  # of an n-gram model, which are no words
LARGEST = 2**26  # bytes of a lexicon
LONGEST = 200  # letters of its words
BEAMS = 64  # unless `predict` is told another number
LETTERS = 4  # n, of the n-gram model of the words' letters, which prices words that are unknown


class Language:
    """The n-gram model of the training transcripts, read when it is first asked for, and what it weighs.

    Args:
        read: () -> the model.
        weights: those that `judge.settle` chose on validation.
    """

    def __init__(self, read: Callable[[], NGramModel], weights: Weights | None = None):
        self._read, self.weights = read, weights or Weights()

    @functools.cached_property
    def model(self) -> NGramModel:
        return self._read()

    @classmethod
    def of(cls, texts: Iterable[str], order: int) -> "Language | None":
        """The model of transcripts; None if `order` is 0."""
        sentences = [text.split() for text in texts]
        return cls(functools.partial(kneser_ney, sentences, order)) if order else None

    def save(self, folder: Path) -> None:
        write_arpa(self.model, folder / ARPA)
        save_weights(self.weights, folder)

    @classmethod
    def load(cls, folder: Path) -> "Language | None":
        """What `save` wrote, or None if it was never written.

        Raises:
            OSError, ValueError, TypeError: if there is only a part of it, or the weights are no numbers.
        """
        if not (folder / ARPA).is_file() and not (folder / WEIGHTS).is_file():
            return None
        weights = {name: float(value) for name, value in read_json(folder / WEIGHTS).items()}
        if not (folder / ARPA).is_file() or not np.isfinite(list(weights.values())).all():
            raise ValueError(f"{ARPA} must be beside {WEIGHTS}, which must hold finite numbers")
        weights = Weights(**weights)
        return cls(functools.partial(read_arpa, folder / ARPA), weights)


def save_weights(weights: Weights, folder: Path) -> None:
    write_text(folder / WEIGHTS, json.dumps(asdict(weights)) + "\n")


@functools.lru_cache(maxsize=2)
def searcher(assets, options: Options, beams: int) -> LanguageSearch | FlashlightSearch:
    """The search that `options` ask for; kept, so that its tree of words is grown once.

    Raises:
        UserError: if a file cannot be read, or words cannot be written with the model's letters.
    """
    language, weights = None, Weights()
    if options.lm == "own" and assets.language is None:
        raise UserError(
            "This run was trained with lm_order=0 and has no language model of its own."
        )
    if assets.language is not None:
        weights = assets.language.weights
    if options.lm != "none":
        language = assets.language.model if options.lm == "own" else read_arpa(options.lm)
    given = {"language": options.lm_weight, "word": options.word_bonus, "hot": (options.hot_bonus,)}
    weights = replace(weights, **{name: value[0] for name, value in given.items() if value})
    if options.lexicon:
        words = read_lexicon(options.lexicon)
    else:
        words = [word for word in language.words if word not in MARKS] if language else []
    closed = bool(options.lexicon) or options.engine == "flashlight"
    spelling = Spelling(assets.alphabet, [*words, *options.hot], closed=closed)
    if unwritten := set(options.hot) - set(spelling.words):
        raise UserError(
            f"Hot words must be written with the letters {assets.alphabet!r}, got "
            f"{', '.join(sorted(unwritten))}."
        )
    if words and not spelling.words:
        raise UserError(
            f"None of the {len(words):,} words of {options.lm} can be written with the letters "
            f"{assets.alphabet!r}; write it as the transcripts are written."
        )
    left_out = len({*words, *options.hot}) - len(spelling.words)
    if options.lexicon and left_out:
        tell(
            f"{left_out:,} words of {options.lexicon} are left out: they have letters that are none of "
            f"{assets.alphabet!r}."
        )
    if options.engine == "flashlight":
        return _by_flashlight(spelling, language, weights, beams)
    letters = None
    if language is not None and not closed:
        letters = kneser_ney([list(word) for word in spelling.words], LETTERS)
    return LanguageSearch(
        spelling, language, weights, letters=letters, hot_words=options.hot, width=beams
    )


def _by_flashlight(spelling, language, weights, beams) -> FlashlightSearch:
    """KenLM gets the model as `write_arpa` writes it, never a file of unknown origin."""
    if language is None:
        return FlashlightSearch(spelling, None, weights, width=beams)
    with tempfile.TemporaryDirectory() as folder:
        write_arpa(language, Path(folder, ARPA))
        return FlashlightSearch(spelling, Path(folder, ARPA), weights, width=beams)


def read_lexicon(path: str) -> list[str]:
    """The words of a UTF-8 file, one a line.

    Raises:
        UserError: if it cannot be read, is over 64 MB or empty, or a line holds more than a word.
    """
    try:
        words = [line.strip() for line in read_text(Path(path), LARGEST).splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"Cannot read the lexicon {path}: {reason}.") from None
    for number, word in enumerate(words, 1):
        if len(word.split()) > 1:
            raise UserError(f"{path}, line {number}: a lexicon must hold one word a line.")
        if len(word) > LONGEST:
            raise UserError(
                f"{path}, line {number}: a word must have at most {LONGEST} letters, got {len(word):,}."
            )
    words = [word for word in words if word]
    if not words:
        raise UserError(f"A lexicon must hold a word at least, but {path} holds none.")
    return words


def wanted(options: Options) -> bool:
    """Whether the options ask for anything that the search in graph cannot do."""
    return options.lm != "none" or bool(options.lexicon) or bool(options.hot)


def answers(logits, steps, config: Config, assets, options: Options) -> list[dict]:
    """What is said in each recording, as `decode.predict` gives it, by logits (B, T', K) and T' (B,)."""
    search = searcher(assets, options, max(options.beam or BEAMS, options.best))
    found = search(logits, steps, options.best)
    best = [hypotheses[0].symbols for hypotheses in found]
    words = timed(best, logits, steps, assets.alphabet, config.step_seconds)
    return [_answer(*pair) for pair in zip(found, words, strict=True)]


def _answer(found: list[Hypothesis], words) -> dict:
    made = {
        "transcript": found[0].text,
        "confidence": round(found[0].confidence, 3),
        "words": [
            {"word": word.text, "begin": round(word.start, 3), "end": round(word.end, 3)}
            for word in words
        ],
    }
    if len(found) > 1:
        made["alternatives"] = [
            {"transcript": one.text, "confidence": round(one.confidence, 3)} for one in found[1:]
        ]
    return made


def corrected(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], search: LanguageSearch
) -> list[str]:
    """The best text of each recording of (logits, steps)."""
    return [best[0].text for logits, steps in batches for best in search(logits, steps)]
