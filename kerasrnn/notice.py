"""What the user is told besides the answer: once, on standard error."""

import contextlib
import os
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


@contextlib.contextmanager
def standard_error_into(target: int):
    """Inside, what libraries in C++ print on standard error goes to an open file's number."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(target, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
