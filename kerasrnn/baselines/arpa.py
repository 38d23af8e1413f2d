"""ARPA files: n-gram models as text, as every speech recogniser reads and writes them."""

import gzip
import os
import re
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kerasrnn.baselines.ngram import BEGIN, END, UNKNOWN, NGramModel
from kerasrnn.errors import UserError
from kerasrnn.files import whole_file

LONGEST_LINE = 2**16  # bytes
HIGHEST_ORDER = 20  # words of an n-gram
LOWEST = -100.0  # log10 of the probability of "<unk>" where a file does not list it, as in KenLM
FARTHEST = 1e4  # from 0, of a logarithm: more is no number that anyone estimated
COUNT = re.compile(r"ngram +(\d{1,3}) *= *(\d{1,18})")


def write_arpa(model: NGramModel, path: str | os.PathLike) -> None:
    """Write a model as an ARPA file, whole or not at all; compressed where the name ends in .gz.

    Raises:
        ValueError: if a word of the vocabulary is empty or holds white space, which an ARPA file cannot say.
    """
    for word in model.words:
        if not word or re.search(r"[ \t\r\n]", word):
            raise ValueError(f"A word of an ARPA file must hold no white space, got {word!r}.")
    path = Path(path)
    levels = [model.listed(length) for length in range(1, model.order + 1)]
    opened = gzip.open if path.suffix == ".gz" else open
    with (
        whole_file(path) as temporary,
        opened(temporary, "wt", encoding="utf-8", newline="\n") as f,
    ):
        f.write("\\data\\\n")
        f.writelines(f"ngram {n}={len(grams)}\n" for n, (grams, _, _) in enumerate(levels, 1))
        for n, (grams, log10, backoff) in enumerate(levels, 1):
            f.write(f"\n\\{n}-grams:\n")
            spelt = (" ".join(model.words[word] for word in gram) for gram in grams.tolist())
            lines = (f"{p:.8g}\t{gram}" for p, gram in zip(log10.tolist(), spelt, strict=True))
            if n < model.order:
                weights = (f"\t{weight:.8g}" for weight in backoff.tolist())
                lines = map("".join, zip(lines, weights, strict=True))
            f.writelines(f"{line}\n" for line in lines)
        f.write("\n\\end\\\n")


def read_arpa(path: str | os.PathLike) -> NGramModel:
    """The model in an ARPA file, plain or compressed with gzip (.gz).

    "<UNK>" is read as "<unk>"; a vocabulary without it gets it, with a probability of 10**-100.

    Raises:
        UserError: if the file cannot be read, is cut short, or is anywhere no ARPA file; says the line.
    """
    opened = gzip.open if Path(path).suffix == ".gz" else open
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise OSError("it is not a regular file")
        with opened(path, "rb") as file:
            return _Reader(file, path).model()
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"Cannot read {path}: {reason}.") from None


class _Reader:
    """One pass over the lines of an ARPA file."""

    def __init__(self, file, path):
        self.path, self.number = path, 0
        self.lines = self._lines(file)
        self.words: dict[str, int] = {}  # the vocabulary, in the file's order
        self.known: dict[str, int] = {}  # the same, and other spellings

    def model(self) -> NGramModel:
        counts = self._header()
        levels = [
            self._section(n, counts[n - 1], n == len(counts)) for n in range(1, len(counts) + 1)
        ]
        if self._line() != "\\end\\":
            raise self._wrong("must end with \\end\\ after its last n-gram")
        grams, log10, backoff = map(list, zip(*levels, strict=True))
        for mark in (BEGIN, END):
            if mark not in self.words:
                raise self._wrong(f"must list {mark} among its 1-grams")
        if UNKNOWN not in self.words:
            self.words[UNKNOWN] = len(self.words)
            grams[0] = np.append(grams[0], [[self.words[UNKNOWN]]], axis=0)
            log10[0], backoff[0] = np.append(log10[0], LOWEST), np.append(backoff[0], 0.0)
        try:
            return NGramModel(tuple(self.words), grams, log10, backoff[:-1])
        except ValueError as error:
            raise UserError(f"{self.path} is no ARPA file: {error}") from None

    def _header(self) -> list[int]:
        """How many n-grams of each length the file says that it lists."""
        while self._line() != "\\data\\":
            pass  # what stands before it is a comment
        counts = []
        while match := COUNT.fullmatch(line := self._line()):
            if int(match[1]) != len(counts) + 1 or len(counts) == HIGHEST_ORDER:
                raise self._wrong(f"must count n-grams of 1, 2, … words, {HIGHEST_ORDER} at most")
            counts.append(int(match[2]))
        if not counts or line != "\\1-grams:":
            raise self._wrong("must say `ngram 1=…`, `ngram 2=…`, …, and then \\1-grams:")
        return counts

    def _section(self, length: int, count: int, last: bool):
        """The n-grams of one length: words (N, length), log10 (N,), backoff (N,)."""
        if length > 1 and self._line() != f"\\{length}-grams:":
            raise self._wrong(f"must go on with \\{length}-grams: here, as its \\data\\ says")
        words, log10, backoff, known = array("q"), array("d"), array("d"), self.known
        for _ in range(count):
            fields = self._line().replace("\t", " ").split(" ")
            if "" in fields:
                fields = [field for field in fields if field]
            if len(fields) not in (length + 1, length + 2):
                raise self._wrong(
                    f"must list {count} n-grams of {length} words, each after its log10 and before its "
                    f"back-off weight, but there stands {' '.join(fields)[:60]!r}"
                )
            log10.append(self._float(fields[0], highest=0.0))
            backoff.append(
                self._float(fields[-1]) if len(fields) == length + 2 and not last else 0.0
            )
            spelt = fields[1 : length + 1]
            try:
                words.extend(
                    [self._new(*spelt)] if length == 1 else [known[word] for word in spelt]
                )
            except KeyError as error:
                raise self._wrong(f"holds {error}, which is not among its 1-grams") from None
        return np.array(words, np.int64).reshape(count, length), np.array(log10), np.array(backoff)

    def _new(self, spelt: str) -> int:
        """The number of the next word of the vocabulary."""
        word = UNKNOWN if spelt == "<UNK>" else spelt
        if "\r" in word:
            raise self._wrong(f"must have words without white space, got {word!r}")
        if word in self.words:
            raise self._wrong(f"lists the word {word!r} twice")
        self.words[word] = self.known[word] = self.known[spelt] = len(self.words)
        return self.words[word]

    def _float(self, text: str, highest: float = np.inf) -> float:
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not abs(value) <= FARTHEST or value > highest:
            kind = "a logarithm of a probability" if highest == 0 else "a logarithm of a weight"
            raise self._wrong(f"must have {kind} there, got {text[:60]!r}")
        return value

    def _line(self) -> str:
        """The next line that is not empty."""
        line = next(self.lines, None)
        if line is None:
            raise self._wrong("is cut short: it ends before \\end\\")
        return line

    def _lines(self, file) -> Iterator[str]:
        while data := file.readline(LONGEST_LINE):
            self.number += 1
            if len(data) == LONGEST_LINE:
                raise self._wrong(f"must have lines below {LONGEST_LINE:,} bytes")
            try:
                line = data.decode("utf-8").strip(" \t\r\n")
            except UnicodeDecodeError:
                raise self._wrong("must be UTF-8") from None
            if line:
                yield line

    def _wrong(self, what: str) -> UserError:
        return UserError(f"{self.path}, line {self.number}: an ARPA file {what}.")
