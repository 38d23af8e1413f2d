"""The command line: one file per verb. Nothing here loads TensorFlow before a verb needs it."""

import os
import sys

import typer

from kerasrnn.cli import apps, compare, detect, evaluate, export, predict, serve, train, tune
from kerasrnn.errors import UserError

app = typer.Typer(
    name="kerasrnn",
    help="Recurrent networks in Keras: train, judge, use and export an application.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Example: kerasrnn train char_lm --data book.txt --out runs/book",
)
INTERRUPTED = 130  # what Typer makes of a KeyboardInterrupt

for verb in (apps, train, evaluate, predict, detect, compare, export, serve, tune):
    verb.register(app)


def _out_of_memory() -> tuple[type[Exception], ...]:
    """The errors that say so: Python's, and TensorFlow's where that is loaded."""
    loaded = sys.modules.get("tensorflow")
    return (MemoryError, *([loaded.errors.ResourceExhaustedError] if loaded else ()))


def _require_utf8(words: list[str]) -> None:
    """Refuse what cannot be written into a run's files."""
    for word in words:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            raise UserError(f"Names must be UTF-8, got {word!r}; rename the file.") from None


UsageError = typer.BadParameter.__base__  # Click's own, which newer Typers bring inside


def main() -> None:
    """Run a verb; exit 2 with one line where the user's input is wrong."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack the text's alphabet
    try:
        words = sys.argv[1:] or ["--help"]
        if words[0] != "predict":  # which writes nothing
            _require_utf8(words)
        code = app(words, prog_name="kerasrnn", standalone_mode=False)
        sys.stdout.flush()
    except UserError as error:
        code = f"kerasrnn: {error}"
    except UsageError as error:
        reason = error.format_message().rstrip(".")
        code = f"kerasrnn: {reason}; see `{error.ctx.command_path} --help`."
    except BrokenPipeError:  # whoever read the answer has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 1
    except OSError as error:  # no place, no permission, a name too long: the machine's, not a bug's
        where = f": {error.filename}" if error.filename else ""
        code = f"kerasrnn: {error.strerror or error}{where}."
    except _out_of_memory() as error:
        reason = (str(error).strip() or "no more to be had").splitlines()[0][:200]
        code = f"kerasrnn: the memory must hold what is asked for, but it does not ({reason}); ask for less."
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 2
    elif code == INTERRUPTED:
        print("kerasrnn: interrupted; what was saved is kept.", file=sys.stderr)
    sys.exit(code)
