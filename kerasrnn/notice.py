"""What the user is told besides the answer: once, on standard error."""

import contextlib
import sys
from collections.abc import Callable, Iterator

_told: set[str] = set()
_hushed = False


def tell(sentence: str) -> None:
    """Print `sentence` on standard error, the first time that it is said."""
    if sentence not in _told and not _hushed:
        _told.add(sentence)
        print(sentence, file=sys.stderr, flush=True)


def hush() -> None:
    """Tell nothing from here on: another process tells the same."""
    global _hushed
    _hushed = True


@contextlib.contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """(count) -> so many more are done; a bar on standard error where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count=1: bar.advance(task, count)
