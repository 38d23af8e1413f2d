"""The words that a search may write, letter by letter: a tree of their beginnings."""

from collections.abc import Iterable, Sequence

import numpy as np

from kerasrnn.errors import UserError

ROOT, UNKNOWN = 0, 1  # nodes: between words; inside a word that is none of the known
LARGEST = 2**28  # numbers of the table, 1 GiB


class Spelling:
    """The known words as a tree over an alphabet.

    Attributes:
        alphabet: the symbols by number; the blank's number, behind them, is none of them.
        space: the number of " ", which ends a word, or -1 where the alphabet has none.
        table: int32 (nodes, symbols + 1): where each symbol leads, -1 where it must not come. A blank
            before any word, and after another, must not come.
        word: int64 (nodes,): the number of the word that ends in a node, -1 where none does.
        words: the known words by number.
        closed: whether only known words may be written.
    """

    def __init__(self, alphabet: Sequence[str], words: Iterable[str], closed: bool = False):
        """
        Args:
            alphabet: one character each.
            words: those to know; one with a letter outside the alphabet is left out.
            closed: whether others must not be written.
        Raises:
            UserError: if `closed` and no word can be written, or the tree takes over 1 GiB.
        """
        self.alphabet, self.closed = tuple(alphabet), closed
        numbers = {symbol: number for number, symbol in enumerate(self.alphabet)}
        self.space = numbers.pop(" ", -1)
        given = list(dict.fromkeys(words))
        self.words = [word for word in given if word and all(letter in numbers for letter in word)]
        if closed and not self.words:
            raise UserError(
                f"None of the {len(given):,} words of the lexicon can be written with the letters "
                f"{''.join(self.alphabet)!r}; write it as the transcripts are written."
            )
        self._grow(numbers)

    def _grow(self, numbers: dict[str, int]) -> None:
        children: list[dict[int, int]] = [{}, {}]
        symbols = len(self.alphabet) + 1
        ends = {}
        for number, word in enumerate(self.words):
            node = ROOT
            for letter in word:
                after = children[node].setdefault(numbers[letter], len(children))
                if after == len(children):
                    children.append({})
                node = after
            ends[node] = number
            if len(children) * symbols > LARGEST:
                raise UserError(
                    f"The {len(self.words):,} words take a tree of more than 1 GiB, which is full after "
                    f"{number:,} of them; give a smaller lexicon or language model."
                )
        shape = len(children), symbols
        self.table = np.full(shape, -1 if self.closed else UNKNOWN, np.int32)
        for node, after in enumerate(children):
            self.table[node, list(after)] = list(after.values())
        self.word = np.full(shape[0], -1, np.int64)
        self.word[list(ends)] = list(ends.values())
        self.table[:, -1] = -1
        if self.space >= 0:
            may_end = self.word >= 0 if self.closed else np.arange(shape[0]) != ROOT
            self.table[:, self.space] = np.where(may_end, ROOT, -1)
