"""CTC frames to text with a language model of words: prefix beam search on the host, many utterances at once.

Axes: B utterances, K beams, S symbols with the blank, as in `kerasrnn.decoders.ctc`.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kerasrnn.decoders.ctc_beams import NEVER, Beams, log_frames, traced
from kerasrnn.decoders.ctc_words import Hypothesis, listed
from kerasrnn.decoders.spelling import ROOT, UNKNOWN, Spelling

LN_10 = np.log(10.0)


class Language(Protocol):
    """What `kerasrnn.baselines.NGramModel` is."""

    start: int
    words: Sequence[str]
    numbers: dict[str, int]

    def step(self, states, words):
        """log10 p(word | state) (N,) and the next states (N,)."""


@dataclass(frozen=True)
class Weights:
    """What a word is worth beside its sound, in nats.

    Attributes:
        language: α, nats for each nat of the language model.
        word: β, for each word; the model alone prefers few.
        unknown: for each word that is not among the known, beside β.
        hot: for each hot word, beside β.
    """

    language: float = 0.5
    word: float = 1.0
    unknown: float = 0.0
    hot: float = 5.0


class LanguageSearch:
    """Search the text that is likely to have been said and to be written.

        score(l)      = ln p(l | frames) + α ln p(words of l, end) + β words + bonuses       (1)
        confidence(w) = Σ_{l reads w} e^score(l) / Σ_l e^score(l)      of the last beams         (2)

    over labellings l whose words stand between single blanks. ln p of the frames sums all alignments that
    the beam holds, as `prefix_beam` does; p of the words is an n-gram model's. A word that is not among the
    known has

        p(w | words before) = p("<unk>" | words before) Π p(letter or end | letters before)      (3)

    the second by a model of letters, without which it is 1, and noise often likelier than words. A word counts
    when a blank ends it, or the utterance. A beam that keeps all labellings gives every score exactly.

    Args:
        spelling: the words and the alphabet; hot words must be among the words.
        language: an `NGramModel` of words, or None.
        letters: an `NGramModel` of the letters of words, or None.
        weights: α, β and the bonuses.
        hot_words: those that get the hot bonus.
        width: K, beams.
    Raises:
        ValueError: if `width` is below 1 or a hot word is unknown to the spelling.
    Source: Hannun et al. 2014, arXiv:1408.2873, algorithm 1 and eq. 2; Graves & Jaitly 2014, "Towards
        end-to-end speech recognition with recurrent neural networks", section 4.
    """

    def __init__(
        self,
        spelling: Spelling,
        language: Language | None = None,
        weights: Weights = Weights(),
        *,
        letters: Language | None = None,
        hot_words: Sequence[str] = (),
        width: int = 64,
    ):
        if width < 1:
            raise ValueError(f"`width` must be at least 1, got {width}.")
        if strange := set(hot_words) - set(spelling.words):
            raise ValueError(
                f"Hot words must be among the spelling's words, got {sorted(strange)}."
            )
        self.spelling, self.language, self.letters = spelling, language, letters
        self.width = width
        self._hot = np.array([word in set(hot_words) for word in spelling.words], bool)
        nodes = np.arange(len(spelling.word))
        self._ends = (spelling.word >= 0) | ((nodes != ROOT) & (not spelling.closed))
        self._barrier = np.where(spelling.table < 0, NEVER, 0.0)
        self._numbers = np.zeros(len(spelling.word), np.int64)
        if language is not None:
            unknown = language.numbers["<unk>"]
            known = [language.numbers.get(word, unknown) for word in spelling.words]
            self._numbers = np.array([*known, unknown])[spelling.word]
        if letters is not None:
            unknown = letters.numbers["<unk>"]
            self._letters = np.array([letters.numbers.get(a, unknown) for a in spelling.alphabet])
        self._weigh(weights)

    def weighed(self, weights: Weights) -> "LanguageSearch":
        """The same search with other weights."""
        other = copy.copy(self)
        other._weigh(weights)
        return other

    def _weigh(self, weights: Weights) -> None:
        self.weights = weights
        of_words = np.append(weights.word + weights.hot * self._hot, weights.word + weights.unknown)
        self._worth = of_words[self.spelling.word]  # of the word that ends in each node

    def __call__(self, logits, frame_lengths, n_best: int = 1) -> list[list[Hypothesis]]:
        """The best hypotheses of each utterance, best first, no text twice; one at least.

        In a closed vocabulary, an utterance of whose beams none ends with a whole word gets the whole
        words of the best.

        Args:
            logits: (B, T, S), floating, without NaN; the blank is the last symbol.
            frame_lengths: integers (B,), at most T.
        Raises:
            ValueError: for other axes, or symbols that are not the alphabet's and the blank.
        """
        ln_y = log_frames(logits, self.spelling.table.shape[1])
        lengths = np.minimum(np.asarray(frame_lengths, np.int64), ln_y.shape[1])
        order = np.argsort(-lengths, kind="stable")  # the longest come first
        starts = [0 if model is None else model.start for model in (self.language, self.letters)]
        beams, trellis = Beams.begin(len(ln_y), self.width, *starts), []
        for t in range(lengths.max(initial=0)):
            rows = int(np.sum(lengths > t))
            new, *step = self._advanced(beams.first(rows), ln_y[order[:rows], t])
            beams.put(new)
            trellis.append(tuple(x.astype(np.int32) for x in step))
        found = self._ended(beams, traced(trellis, len(ln_y), self.width), n_best)
        return [found[place] for place in np.argsort(order)]

    def _advanced(self, beams: Beams, ln_y: np.ndarray):
        """The beams after one frame ln y (B, S), where each came from, and its new symbol or -1."""
        symbols, row = ln_y.shape[1], np.arange(len(ln_y))[:, None]
        acoustic, stays = self._continued(beams, ln_y)
        scores = acoustic + (beams.extra + beams.owed)[:, :, None]
        if self.spelling.space >= 0:
            scores[:, :, self.spelling.space] += beams.ending - beams.owed
        flat = scores.reshape(len(row), -1)
        best = np.argpartition(-flat, self.width - 1, axis=1)[:, : self.width]
        parents, tokens = best // symbols, best % symbols
        alive, stay = flat[row, best] > NEVER / 2, tokens == symbols - 1
        new = beams.taken(parents)
        new.blank = np.where(stay, stays[0][row, parents], NEVER)
        new.symbol = np.where(stay, stays[1][row, parents], acoustic[row, parents, tokens])
        self._read(new, tokens, ~stay & alive)
        new.write(tokens, ~stay & alive)
        new.bury(~alive)
        return new, parents, np.where(stay, -1, tokens)

    def _continued(self, beams: Beams, ln_y: np.ndarray):
        """ln p of every continuation (B, K, S), a blank standing for none; ln p_b and ln p_s of the latter.

        See `kerasrnn.decoders.ctc.prefix_beam`, (1) to (3).
        """
        row, slot = np.arange(len(ln_y))[:, None], np.arange(self.width)[None]
        total = beams.total()
        of_last = np.where(beams.last < 0, NEVER, ln_y[row, beams.last])
        # (B, K, K): whether the second labelling is the first and one symbol more
        child = beams.parent[:, None, :] == beams.key[:, :, None]
        father, has = child.argmax(axis=1), child.any(axis=1)
        again = beams.last[row, father] == beams.last
        met = np.where(again, beams.blank[row, father], total[row, father]) + of_last
        stay_blank = total + ln_y[:, -1:]  # (1)
        stay_symbol = np.logaddexp(beams.symbol + of_last, np.where(has, met, NEVER))  # (2)
        acoustic = total[:, :, None] + ln_y[:, None, :] + self._barrier[beams.node]  # (3)
        acoustic[row, slot, beams.last] += beams.blank - total
        acoustic[np.nonzero(has)[0], father[has], beams.last[has]] = NEVER  # it is kept already
        acoustic[:, :, -1] = np.logaddexp(stay_blank, stay_symbol)
        return acoustic, (stay_blank, stay_symbol)

    def _read(self, beams: Beams, tokens: np.ndarray, new: np.ndarray) -> None:
        """What a symbol behind the labellings that are `new` is worth, and where it leads."""
        ends = new & (tokens == self.spelling.space)
        beams.extra[ends] += beams.ending[ends]
        beams.state[ends] = beams.after[ends]
        beams.node[new] = self.spelling.table[beams.node[new], tokens[new]]
        word = new & self._ends[beams.node]
        nodes = beams.node[word]
        gain, after = self._asked(beams.state[word], self._numbers[nodes])
        beams.ending[new] = beams.owed[new] = 0.0
        beams.ending[word] = self._worth[nodes] + gain
        beams.after[word] = after
        if self.letters is not None:
            self._spell(beams, tokens, new, ends)

    def _spell(self, beams: Beams, tokens: np.ndarray, new: np.ndarray, ends: np.ndarray) -> None:
        """(3) for the last words that are `new`."""
        alpha, inside = self.weights.language * LN_10, new & ~ends
        beams.letters[ends], beams.spelt[ends] = self.letters.start, 0.0
        log10, after = self.letters.step(beams.letters[inside], self._letters[tokens[inside]])
        beams.letters[inside] = after
        beams.spelt[inside] += alpha * log10
        strange = inside & self._ends[beams.node] & (self.spelling.word[beams.node] < 0)
        end = np.full(np.count_nonzero(strange), self.letters.numbers["</s>"])
        beams.ending[strange] += beams.spelt[strange]
        beams.ending[strange] += alpha * self.letters.step(beams.letters[strange], end)[0]
        lost = inside & (beams.node == UNKNOWN)
        beams.owed[lost] = beams.spelt[lost]

    def _asked(self, states: np.ndarray, words: np.ndarray):
        """α ln p of words after the states, and the next states."""
        if self.language is None or not len(states):
            return 0.0, states
        log10, after = self.language.step(states, words)
        return self.weights.language * LN_10 * log10, after

    def _ended(self, beams: Beams, written: np.ndarray, n_best: int) -> list[list[Hypothesis]]:
        """The hypotheses of each row, every beam's last word and the utterance being at their end."""
        word, total = self._ends[beams.node], beams.total()
        scores = total + beams.extra + np.where(word, beams.ending, 0.0)
        if self.language is not None:
            state = np.where(word, beams.after, beams.state).ravel()
            end = np.full(len(state), self.language.numbers["</s>"])
            scores += np.reshape(self._asked(state, end)[0], scores.shape)
        alive = total > NEVER / 2
        whole = alive & (word | (beams.node == ROOT))
        chosen = np.where(whole.any(axis=1, keepdims=True), whole, alive)
        found = []
        for row in range(len(total)):
            slots = np.flatnonzero(chosen[row])
            slots = slots[np.argsort(-scores[row, slots], kind="stable")]
            labellings = [self._whole(written[:, row, slot], whole[row, slot]) for slot in slots]
            found.append(listed(labellings, scores[row, slots], total[row, slots])[:n_best])
        return found

    def _whole(self, written: np.ndarray, whole: bool) -> tuple[str, tuple[int, ...]]:
        """The text and the symbols of what a beam got in each frame, to its last whole word."""
        symbols = written[written >= 0].tolist()
        while symbols and not whole:
            whole = symbols.pop() == self.spelling.space
        text = "".join(self.spelling.alphabet[symbol] for symbol in symbols)
        return text.strip(" "), tuple(symbols)
