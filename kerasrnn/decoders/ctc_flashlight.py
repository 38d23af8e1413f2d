"""CTC frames to known words by flashlight-text and KenLM, in C++: the search that the field knows."""

import importlib.util
import tempfile
from pathlib import Path

import numpy as np

from kerasrnn.decoders.ctc_beams import log_frames
from kerasrnn.decoders.ctc_language import LN_10, Weights
from kerasrnn.decoders.ctc_words import Hypothesis, listed
from kerasrnn.decoders.spelling import Spelling
from kerasrnn.errors import UserError
from kerasrnn.notice import standard_error_into

FARTHEST = 1e4  # nats behind the best, beyond which a beam is given up
NOT_AT_ALL = -1e5  # nats


class FlashlightSearch:
    """`LanguageSearch` with another engine, for the words of a lexicon.

    It scores by the same formula, but for this: labellings that read alike and differ in blanks before,
    between or behind the words are summed.

    Args:
        spelling: closed, over an alphabet with " ".
        arpa: the file of an n-gram model of words, or None. KenLM trusts it: let
            `kerasrnn.baselines.read_arpa` look at one of unknown origin.
        weights: α and β; the other two are of words that are unknown or hot, which there are none of here.
        width: K, beams.
    Raises:
        UserError: if flashlight-text is not installed, the alphabet has no " ", or KenLM cannot hold the
            model: its n-grams are of 6 words at most.
        ValueError: if the spelling is open, or `width` below 1.
    Source: Kahn et al. 2022, arXiv:2201.12465; Heafield 2011, "KenLM: faster and smaller language
        model queries".
    """

    def __init__(
        self,
        spelling: Spelling,
        arpa: str | Path | None = None,
        weights: Weights | None = None,
        *,
        width: int = 64,
    ):
        if not spelling.closed:
            raise ValueError(
                "`spelling` must be closed for flashlight, which writes known words only."
            )
        if width < 1:
            raise ValueError(f"`width` must be at least 1, got {width}.")
        if spelling.space < 0:
            raise UserError(
                "The flashlight engine tells words apart by a blank between them, but the letters "
                f"{''.join(spelling.alphabet)!r} have none; use the engine kerasrnn."
            )
        if importlib.util.find_spec("flashlight") is None:
            raise UserError(
                "The flashlight engine needs flashlight-text: pip install 'kerasrnn[flashlight]'."
            )
        from flashlight.lib.text import decoder, dictionary

        weights = weights or Weights()
        self.spelling, self.weights = spelling, weights
        words = dictionary.Dictionary()
        for word in (*spelling.words, "<unk>"):
            words.add_entry(word)
        model = decoder.ZeroLM() if arpa is None else _kenlm(arpa, words)
        trie = decoder.Trie(len(spelling.alphabet) + 1, spelling.space)
        self._numbers = {letter: number for number, letter in enumerate(spelling.alphabet)}
        start = model.start(False)
        for number, word in enumerate(spelling.words):
            _, score = model.score(start, number)
            trie.insert([*map(self._numbers.get, word), spelling.space], number, score)
        trie.smear(decoder.SmearingMode.MAX)
        self._engine = decoder.LexiconDecoder(
            decoder.LexiconDecoderOptions(
                beam_size=width,
                beam_size_token=len(spelling.alphabet) + 1,
                beam_threshold=FARTHEST,
                lm_weight=weights.language * LN_10,
                word_score=weights.word,
                unk_score=NOT_AT_ALL,
                sil_score=0.0,
                log_add=True,
                criterion_type=decoder.CriterionType.CTC,
            ),
            trie,
            model,
            spelling.space,
            len(spelling.alphabet),
            len(spelling.words),
            [],
            False,
        )

    def __call__(self, logits, frame_lengths, n_best: int = 1) -> list[list[Hypothesis]]:
        """As that of `LanguageSearch`."""
        symbols = self.spelling.table.shape[1]
        ln_y = log_frames(logits, symbols)
        lengths = np.minimum(np.asarray(frame_lengths, np.int64), ln_y.shape[1])
        end = np.full((1, symbols), NOT_AT_ALL)
        end[0, self.spelling.space] = 0.0  # which ends the last word
        return [
            self._found(np.concatenate([row[:frames], end]))[:n_best]
            for row, frames in zip(ln_y, lengths, strict=True)
        ]

    def _found(self, ln_y: np.ndarray) -> list[Hypothesis]:
        ln_y = np.ascontiguousarray(ln_y, np.float32)
        results = self._engine.decode(ln_y.ctypes.data, *ln_y.shape)
        labellings, scores, acoustic = [], [], []
        for result in results:
            words = [self.spelling.words[word] for word in result.words if word >= 0]
            text = " ".join(words)
            labellings.append((text, tuple(map(self._numbers.get, text))))
            scores.append(result.score)
            added = self.weights.language * LN_10 * result.lmScore + self.weights.word * len(words)
            acoustic.append(result.score - added)
        return listed(labellings, scores, acoustic)


def _kenlm(arpa: str | Path, words):
    """KenLM's model of the file, of which it says nothing on standard error."""
    from flashlight.lib.text.decoder.kenlm import KenLM

    with tempfile.TemporaryFile() as said, standard_error_into(said.fileno()):
        try:
            return KenLM(str(arpa), words)
        except RuntimeError as error:  # such as an order above 6
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"KenLM cannot hold the language model: {reason}") from None
