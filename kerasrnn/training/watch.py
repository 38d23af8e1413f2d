"""A loss that is no number, or explodes: the batch that did it is found, kept and named."""

import math
from collections import deque
from pathlib import Path

import numpy as np

from kerasrnn.data.batching import Batches
from kerasrnn.errors import UserError
from kerasrnn.files import whole_file

LAG = 4  # steps after which a step's signs are read, so that an accelerator never waits for it
FIRST = 10  # batches of a run that say how large a loss is
EXPLODED = 100.0  # times the largest of those; among them, of those before, and at least of 1


class Watch:
    """Reads the signs of every training step; the first bad one ends the training.

    Args:
        batches: what is trained on.
        path: where the bad batch is kept: its arrays by name, strings as Unicode of a fixed width; None
            where another process keeps it.
        step: the number of the first batch, counted from 0 over all passes.
        largest, seen: of an earlier process, see `state`.
    """

    def __init__(
        self, batches: Batches, path: Path | None, step: int = 0, largest=0.0, seen: int = 0
    ):
        self._batches, self._path, self._next = batches, path, step
        self._largest, self._seen = largest, seen
        self._waiting = deque()

    @property
    def state(self) -> dict:
        """What a later process goes on from."""
        return {"largest": self._largest, "seen": self._seen}

    def see(self, signs) -> None:
        """Take one step's signs, see `Step`.

        Raises:
            UserError: if a step of some time ago was bad.
        """
        self._waiting.append((self._next, signs))
        self._next += 1
        while len(self._waiting) > LAG:
            self._read(*self._waiting.popleft())

    def flush(self) -> None:
        """Read what still waits."""
        while self._waiting:
            self._read(*self._waiting.popleft())

    def _read(self, number: int, signs) -> None:
        loss, weights = map(float, signs)
        if not math.isfinite(loss):
            self._stop(number, f"The loss must stay finite, got {loss}")
        if not math.isfinite(weights):
            self._stop(
                number, f"The gradient must stay finite, got one that is not (loss {loss:g})"
            )
        early = self._seen < FIRST
        first = max(self._largest, 1.0) if early else self._largest
        if self._seen and loss > EXPLODED * first:
            limit = f"{EXPLODED:g} times what it was at first, {first:.4g}"
            self._stop(number, f"The loss must stay below {limit}, got {loss:.4g}")
        if early:
            self._seen, self._largest = self._seen + 1, max(self._largest, abs(loss))

    def _stop(self, number: int, what: str):
        if self._path is None:
            raise UserError(f"{what}: the chief says where.")
        batch = next(self._batches.endless(number).take(1).as_numpy_iterator())
        with whole_file(self._path) as temporary, open(temporary, "wb") as file:
            np.savez(file, number=number, **dict(named(batch)))
        turn, index = divmod(number, self._batches.count)
        raise UserError(
            f"{what}, at batch {index + 1} of {self._batches.count} of pass {turn + 1}, which is kept in "
            f"{self._path}; what the last report left is kept too: go on from there by --resume with a "
            "lower --set learning_rate=… or clip_norm=…, or mend the data."
        )


def named(batch, name: str = ""):
    """The arrays of a batch, (x, y) or (x, y, weights), by name: "x/tokens", "y", "weights"."""
    if isinstance(batch, tuple) and not name:
        for part, value in zip(("x", "y", "weights"), batch, strict=False):
            yield from named(value, part)
    elif isinstance(batch, dict):
        for key, value in batch.items():
            yield from named(value, f"{name}/{key}")
    elif isinstance(batch, (tuple, list)):
        for key, value in enumerate(batch):
            yield from named(value, f"{name}/{key}")
    else:
        yield name, _plain(np.asarray(batch))


def _plain(array: np.ndarray) -> np.ndarray:
    """Bytes as Unicode, other kinds than NumPy's own (bfloat16) as float32: a file without pickles."""
    if array.dtype.kind in "OS":
        words = [word.decode("utf-8", "backslashreplace") for word in array.ravel()]
        return np.array(words, np.str_).reshape(array.shape)
    return array if array.dtype.kind in "biufcU" else array.astype(np.float32)
