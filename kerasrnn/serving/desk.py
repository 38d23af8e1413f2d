"""Where both protocols bring their requests: what they ask for, within the limits, answered."""

import asyncio
import contextlib
from dataclasses import dataclass

import numpy as np

from kerasrnn.serving.batcher import Batcher
from kerasrnn.serving.model import DEFAULT, Signature, Version
from kerasrnn.serving.refusal import Refusal, invalid
from kerasrnn.serving.shelf import Shelf


@dataclass(frozen=True)
class Limits:
    """What requests may take."""

    seconds: float = 60.0  # of one request, from its first byte to its answer
    size: int = 16 * 2**20  # bytes of a request, and of a tensor in it
    requests: int = 512  # under way at a time
    rows: int = 256  # of one request
    idle: float = 60.0  # seconds that a connection may take for the head of its next request


class Desk:
    """Answers requests from a shelf.

    Args:
        limits: what is beyond them is refused.
    """

    def __init__(self, shelf: Shelf, batcher: Batcher, limits: Limits):
        self.shelf, self.batcher, self.limits = shelf, batcher, limits
        self._under_way = 0

    @contextlib.asynccontextmanager
    async def place(self, seconds: float | None = None):
        """Hold one of the places, no longer than `seconds` and the limit.

        Raises:
            Refusal: if all are taken, or the time is over.
        """
        if self._under_way >= self.limits.requests:
            raise Refusal("UNAVAILABLE", f"{self._under_way} requests are under way; try later.")
        seconds = self.limits.seconds if seconds is None else min(seconds, self.limits.seconds)
        self._under_way += 1
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise Refusal("DEADLINE_EXCEEDED", f"It took longer than {seconds:g} s.") from None
        finally:
            self._under_way -= 1

    @staticmethod
    def signature(version: Version, name: str, code: str) -> Signature:
        """A signature by its name, the default one where that is empty.

        Args:
            code: what TF Serving refuses an unknown one with: its two protocols differ.
        """
        name = name or DEFAULT
        if name not in version.signatures:
            known = ", ".join(sorted(version.signatures))
            raise Refusal(code, f'Serving signature "{name}" not found; there are: {known}.')
        return version.signatures[name]

    async def answer(
        self, signature: Signature, inputs: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """The outputs of a signature.

        Raises:
            Refusal: if it does not take these inputs.
        """
        signature.check(inputs)
        for name, spec in signature.inputs.items():
            rows = len(inputs[name]) if spec.shape and spec.shape[0] is None else 0
            if rows > self.limits.rows:
                raise invalid(
                    f"'{name}' must have {self.limits.rows} rows at most, got {rows}; "
                    "ask in several requests."
                )
        return await self.batcher.ask(signature, inputs)
