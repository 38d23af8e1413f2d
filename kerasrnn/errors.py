"""The one exception that means: what the user gave is wrong."""

from collections.abc import Iterable


class UserError(ValueError):
    """A wrong input, said in one sentence: what must hold, what came, what to do.

    The command line prints the sentence and ends with exit code 2; every other exception is a defect.
    """


def listed(names: Iterable, most: int = 10) -> str:
    """The first of some names, and how many more there are than `most`."""
    names = [str(name) for name in names]
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
