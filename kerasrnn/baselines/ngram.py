"""The back-off n-gram language model, as tables that many queries at once are looked up in."""

from collections.abc import Iterable, Sequence

import numpy as np

UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"


class NGramModel:
    """Probabilities of words after up to n - 1 others (Katz's back-off, the form that ARPA files hold).

        log p(w | h) = log10[h w]                     where the n-gram h w is listed           (1)
                     = backoff[h] + log p(w | h')     else; h' is h without its first word     (2)

    with backoff[h] = 0 where h is not listed. Every n-gram is a node, reached from its *parent*, itself
    without its last word; node 0 is the empty one. A reader's state is a node too: the longest listed end of
    all words read, n - 1 of them at most. Nodes are numbered by length, then parent, then word, so the numbers
    parent · V + word of all nodes are one sorted table.

    Args:
        words: the vocabulary, V strings by number; "<unk>" stands for all others. "<s>" opens a
            sentence and is never predicted, "</s>" ends it.
        grams: for each length k = 1 … n the listed n-grams, integers (N_k, k), in any order; of length 1
            all V words.
        log10: for each length, float (N_k,): base-10 logarithms of (1).
        backoff: for each length below n, float (N_k,): those of (2).
    Raises:
        ValueError: if an n-gram is listed twice or without its parent.
    """

    def __init__(
        self,
        words: Sequence[str],
        grams: Sequence[np.ndarray],
        log10: Sequence[np.ndarray],
        backoff: Sequence[np.ndarray],
    ):
        self.words = tuple(words)
        self.numbers = {word: number for number, word in enumerate(self.words)}
        self.order = len(grams)
        self._keys = np.zeros(0, np.int64)
        self._log10, self._backoff = np.zeros(1), np.zeros(1)
        self._suffix = np.zeros(1, np.int64)
        for k in range(self.order):
            weights = backoff[k] if k < self.order - 1 else np.zeros(len(grams[k]))
            self._add(np.asarray(grams[k], np.int64), np.asarray(log10[k]), np.asarray(weights))

    def _add(self, grams: np.ndarray, log10: np.ndarray, backoff: np.ndarray) -> None:
        """List all n-grams of one length, those of the lengths below being listed."""
        self._inner = len(self._log10)  # nodes below this one may have more words after them
        parents = np.zeros(len(grams), np.int64)
        for word in grams.T[:-1]:
            parents = self._child(parents, word)
            if np.any(parents < 0):
                raise ValueError(
                    f"The n-gram {self._spell(grams[parents < 0][0])!r} is listed, but not all of "
                    "the shorter ones that it begins with."
                )
        keys = parents * len(self.words) + grams[:, -1]
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        if np.any(keys[1:] == keys[:-1]):
            twice = grams[order][1:][keys[1:] == keys[:-1]][0]
            raise ValueError(f"The n-gram {self._spell(twice)!r} is listed twice.")
        suffix = np.zeros(len(grams), np.int64)
        if grams.shape[1] > 1:
            _, suffix = self.step(self._suffix[parents[order]], grams[order, -1], longest=True)
        self._keys = np.concatenate([self._keys, keys])
        self._log10 = np.concatenate([self._log10, log10[order]])
        self._backoff = np.concatenate([self._backoff, backoff[order]])
        self._suffix = np.concatenate([self._suffix, suffix])

    def _child(self, nodes: np.ndarray, words: np.ndarray) -> np.ndarray:
        """The node of each node's words and one more, -1 where it is not listed."""
        keys = nodes * len(self.words) + words
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where((nodes >= 0) & (self._keys[place] == keys), place + 1, -1)

    def _spell(self, gram) -> str:
        return " ".join(self.words[word] for word in gram)

    @property
    def start(self) -> int:
        """The state at the beginning of a sentence: only "<s>" has been read."""
        return int(self.step(np.zeros(1, np.int64), np.array([self.numbers[BEGIN]]))[1][0])

    def step(self, states: np.ndarray, words: np.ndarray, longest: bool = False):
        """Read one more word in each of N states.

        Args:
            states: int64 (N,); `start`, what an earlier step returned, or 0, in which nothing was read.
            words: integers (N,), see `encode`.
            longest: whether a state may hold n words, which no query can use.
        Returns:
            log10 p(word | state) (N,) by (1) and (2), and the next states int64 (N,).
        """
        states, words = np.array(states, np.int64), np.asarray(words, np.int64)
        total = np.zeros(len(states))
        nodes = self._child(states, words)
        (missing,) = np.nonzero(nodes < 0)
        while len(missing):
            total[missing] += self._backoff[states[missing]]  # (2)
            states[missing] = self._suffix[states[missing]]
            nodes[missing] = self._child(states[missing], words[missing])
            missing = missing[nodes[missing] < 0]
        total += self._log10[nodes]  # (1)
        return total, nodes if longest else np.where(
            nodes < self._inner, nodes, self._suffix[nodes]
        )

    def encode(self, sentence: Iterable[str]) -> np.ndarray:
        """Words as numbers, int64; "<unk>" for those that are not in the vocabulary."""
        unknown = self.numbers[UNKNOWN]
        return np.array([self.numbers.get(word, unknown) for word in sentence], np.int64)

    def score(self, sentence: Sequence[str]) -> np.ndarray:
        """log10 of the probability of each word of a sentence and of its end, float (words + 1,)."""
        return self.scores([sentence])[0]

    def scores(self, sentences: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """`score` of each sentence, all read side by side."""
        rows = [self.encode([*sentence, END]) for sentence in sentences]
        lengths = np.array([len(row) for row in rows], np.int64)
        longest = np.argsort(-lengths, kind="stable")
        tokens = np.zeros((len(rows), lengths.max(initial=0)), np.int64)
        for place, row in enumerate(longest):
            tokens[place, : lengths[row]] = rows[row]
        found = np.zeros(tokens.shape)
        states = np.full(len(rows), self.start if rows else 0)
        for t in range(tokens.shape[1]):
            open_rows = int(np.sum(lengths > t))  # the longest come first
            found[:open_rows, t], states = self.step(states[:open_rows], tokens[:open_rows, t])
        places = np.argsort(longest)
        return [found[place, :length] for place, length in zip(places, lengths, strict=True)]

    def log_probabilities(self, sentences: Sequence[str]) -> np.ndarray:
        """ln P of each sentence and its end, float (N,), as `decoders.rescoring.rescore` asks for it.

        Args:
            sentences: words between spaces; an unknown one has all of what "<unk>" has.
        """
        scores = self.scores([sentence.split() for sentence in sentences])
        return np.log(10) * np.array([score.sum() for score in scores])

    def distribution(self, state: int) -> np.ndarray:
        """p(word | state) of every word, float (V,); they sum to 1, and "<s>" has 0."""
        count = len(self.words)
        log10, _ = self.step(np.full(count, state), np.arange(count))
        chances = 10.0**log10
        chances[self.numbers[BEGIN]] = 0.0
        return chances

    def listed(self, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The listed n-grams of one length: integers (N, length), their log10 (N,) and backoff (N,)."""
        first, last = 1, 1 + len(self.words)
        grams = np.arange(len(self.words))[:, None]
        for _ in range(length - 1):
            below, first = first, last
            reached = len(self.words) * first  # the least key of a child of these nodes
            last = 1 + int(np.searchsorted(self._keys, reached))
            keys = self._keys[first - 1 : last - 1]
            parents, word = np.divmod(keys, len(self.words))
            grams = np.concatenate([grams[parents - below], word[:, None]], axis=1)
        return grams, self._log10[first:last], self._backoff[first:last]
