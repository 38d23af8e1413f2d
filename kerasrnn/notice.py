"""What the user is told besides the answer: once, on standard error."""

import sys

_told: set[str] = set()


def tell(sentence: str) -> None:
    """Print `sentence` on standard error, the first time that it is said."""
    if sentence not in _told:
        _told.add(sentence)
        print(sentence, file=sys.stderr, flush=True)
