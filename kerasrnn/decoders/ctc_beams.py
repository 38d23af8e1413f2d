"""The beams of a search on the host, as arrays.

Axes: B utterances, K beams, T as in `kerasrnn.decoders.ctc`.
"""

import numpy as np

NEVER = -1e30  # ln 0, finite, so that no sum of such is NaN
EMPTY, DEAD = 0x2545F4914F6CDD1D, -(2**62)  # keys of the empty labelling, and of what has no parent
MIX = 0x5851F42D4C957F2D  # odd, so that a product with it can be undone
FIELDS = {
    "blank": np.float64,  # ln p of the alignments that end with the blank
    "symbol": np.float64,  # ln p of those that end with the last symbol
    "last": np.int64,  # symbol, -1 for the empty labelling
    "key": np.int64,  # a hash of the symbols; negative for what is no labelling
    "parent": np.int64,  # the key of the labelling without its last symbol
    "node": np.int64,  # of the spelling, where the last word is
    "extra": np.float64,  # what the whole words are worth beside ln p
    "state": np.int64,  # the language model's, after the whole words
    "ending": np.float64,  # what the last word is worth if it ends here
    "after": np.int64,  # the language model's state then
    "letters": np.int64,  # the letter model's state in the last word
    "spelt": np.float64,  # α ln p of its letters
    "owed": np.float64,  # of `ending`, what no letter to come can change any more
}


class Beams:
    """The labellings that are kept: an array (B, K) for each of `FIELDS`."""

    def __init__(self, **arrays: np.ndarray):
        self.__dict__.update(arrays)

    @classmethod
    def begin(cls, rows: int, width: int, state: int, letters: int) -> "Beams":
        """The empty labelling in each row, and nothing beside it."""
        beams = cls(**{name: np.zeros((rows, width), kind) for name, kind in FIELDS.items()})
        beams.blank[:, 1:] = NEVER
        beams.symbol[:] = NEVER
        beams.last[:] = -1
        beams.key[:] = -1 - np.arange(width)
        beams.key[:, :1] = EMPTY
        beams.parent[:] = DEAD
        beams.state[:], beams.letters[:] = state, letters
        return beams

    def first(self, rows: int) -> "Beams":
        """The first rows, not copied."""
        return Beams(**{name: getattr(self, name)[:rows] for name in FIELDS})

    def put(self, new: "Beams") -> None:
        """Write over the first rows."""
        for name in FIELDS:
            getattr(self, name)[: len(new.key)] = getattr(new, name)

    def taken(self, places: np.ndarray) -> "Beams":
        """Those at `places` (B, K) of each row."""
        rows = np.arange(len(places))[:, None]
        return Beams(**{name: getattr(self, name)[rows, places] for name in FIELDS})

    def total(self) -> np.ndarray:
        """ln p of each labelling."""
        return np.logaddexp(self.blank, self.symbol)

    def write(self, tokens: np.ndarray, new: np.ndarray) -> None:
        """Put a symbol behind the labellings that are `new`, bool (B, K)."""
        self.parent[new] = self.key[new]
        mixed = (self.key[new] + tokens[new] + 1) * MIX
        self.key[new] = (mixed ^ (mixed >> 32)) & np.iinfo(np.int64).max
        self.last[new] = tokens[new]

    def bury(self, dead: np.ndarray) -> None:
        """Make sure that what is dead, bool (B, K), is taken for no labelling."""
        self.blank[dead] = self.symbol[dead] = NEVER
        self.key[dead] = (-1 - np.arange(dead.shape[1]) - np.zeros_like(self.key))[dead]
        self.parent[dead] = DEAD


def traced(trellis: list[tuple[np.ndarray, np.ndarray]], rows: int, width: int) -> np.ndarray:
    """The symbol that each of the last beams got in each frame, or -1: integers (T, B, K).

    Args:
        trellis: for each frame, of the rows that have it, which are the first: the beam that each
            one came from, and its new symbol or -1.
    """
    written = np.full((len(trellis), rows, width), -1, np.int32)
    slots = np.tile(np.arange(width), (rows, 1))
    for t in reversed(range(len(trellis))):
        parents, tokens = trellis[t]
        here = np.arange(len(parents))[:, None], slots[: len(parents)]
        written[t, : len(parents)] = tokens[here]
        slots[: len(parents)] = parents[here]
    return written


def log_frames(logits, symbols: int) -> np.ndarray:
    """ln softmax of logits (B, T, S), float64.

    Raises:
        ValueError: for other axes, or another S than `symbols`.
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 3 or logits.shape[2] != symbols:
        raise ValueError(
            f"`logits` must have axes (batch, time, symbols) with {symbols} symbols, the blank "
            f"behind the alphabet, got shape {logits.shape}."
        )
    shifted = logits - logits.max(axis=-1, keepdims=True, initial=NEVER)
    return np.maximum(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), NEVER)
