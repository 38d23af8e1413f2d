"""The Markov chain: the future depends on the last n observations and on nothing before them."""

import numpy as np


class MarkovChain:
    """A chain of order n over the symbols 0 … V-1 (slides: "Markov models").

        p(x_1, …, x_T) = Π_t p(x_t | x_{t-n}, …, x_{t-1})                   (1)
        p(x | h) = (count(h, x) + a) / (count(h) + a V)                     (2)

    Before its n-th observation a chain knows those that there are, and that they are the first ones: a
    history h is n symbols, with the mark V in the places before x_1. So (1) sums to 1 over all
    sequences of a length.

    Args:
        order: n, at least 0.
        symbols: V.
        smoothing: a, added to each count; 0 gives the maximum-likelihood estimate, in which what was not
            seen has probability 0.
    Raises:
        ValueError: if a number is out of range, or (V + 1)^n histories are too many to number.
    """

    def __init__(self, order: int, symbols: int, smoothing: float = 0.0):
        if order < 0 or symbols < 1 or not smoothing >= 0:
            raise ValueError(
                "`order` and `smoothing` must be at least 0 and `symbols` at least 1, "
                f"got {order}, {smoothing} and {symbols}."
            )
        if (symbols + 1) ** order >= 2**63:
            raise ValueError(
                f"(symbols + 1) ** order must be below 2**63, got {symbols + 1} ** {order}."
            )
        self.order, self.symbols, self.smoothing = order, symbols, smoothing
        self._histories = np.zeros(0, np.int64)  # the numbers of those that were seen, sorted
        self._counts = np.zeros((0, symbols), np.int64)

    def fit(self, sequences) -> "MarkovChain":
        """Count `sequences`, integer arrays (T,) each; what was counted before is forgotten."""
        sequences = [self._checked(sequence) for sequence in sequences]
        numbers = np.concatenate([np.zeros(0, np.int64), *map(self._number, sequences)])
        self._histories, rows = np.unique(numbers, return_inverse=True)
        self._counts = np.zeros((len(self._histories), self.symbols), np.int64)
        np.add.at(self._counts, (rows, np.concatenate([np.zeros(0, np.int64), *sequences])), 1)
        return self

    def log_likelihood(self, sequence) -> float:
        """ln p(x_1, …, x_T) by (1); -inf where a step was never seen and nothing smooths it."""
        sequence = self._checked(sequence)
        chances = self._chances(self._number(sequence))
        with np.errstate(divide="ignore"):
            return float(np.log(chances[np.arange(len(sequence)), sequence]).sum())

    def sample(self, length: int, seed: int = 0) -> np.ndarray:
        """Draw x_1 … x_T, int64 with T = `length`, or less where a history is met that had no future."""
        generator = np.random.default_rng(seed)
        drawn, history = [], self._number(np.zeros(1, np.int64))
        base = self.symbols + 1
        for _ in range(length):
            chances = self._chances(history)[0]
            if not chances.any():
                break
            drawn.append(generator.choice(self.symbols, p=chances))
            # the oldest symbol goes first, so that no number passes base^n
            recent = history % base ** max(self.order - 1, 0)
            history = recent * base + drawn[-1] if self.order else history
        return np.array(drawn, np.int64)

    def _checked(self, sequence) -> np.ndarray:
        sequence = np.asarray(sequence, np.int64)
        if sequence.ndim != 1 or np.any((sequence < 0) | (sequence >= self.symbols)):
            raise ValueError(
                f"A sequence must be (T,) symbols from 0 to {self.symbols - 1}, got {sequence!r}."
            )
        return sequence

    def _number(self, sequence: np.ndarray) -> np.ndarray:
        """(T,): the history before each step, read as a number of base V + 1."""
        padded = np.concatenate([np.full(self.order, self.symbols), sequence])
        number = np.zeros(len(sequence), np.int64)
        for lag in range(self.order):
            number = number * (self.symbols + 1) + padded[lag : lag + len(sequence)]
        return number

    def _chances(self, numbers: np.ndarray) -> np.ndarray:
        """(2) for histories (N,): (N, V), rows of 0 where nothing is known."""
        place = np.searchsorted(self._histories, numbers)
        seen = np.isin(numbers, self._histories)
        counts = np.zeros((len(numbers), self.symbols))
        counts[seen] = self._counts[place[seen]]
        counts += self.smoothing
        totals = counts.sum(axis=1, keepdims=True)
        return np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
