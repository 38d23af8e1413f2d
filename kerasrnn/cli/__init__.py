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


UsageError = typer.BadParameter.__base__  # Click's own, which newer Typers bring inside


def main() -> None:
    """Run a verb; exit 2 with one line where the user's input is wrong."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack the text's alphabet
    try:
        words = sys.argv[1:] or ["--help"]
        code = app(words, prog_name="kerasrnn", standalone_mode=False)
    except UserError as error:
        code = f"kerasrnn: {error}"
    except UsageError as error:
        reason = error.format_message().rstrip(".")
        code = f"kerasrnn: {reason}; see `{error.ctx.command_path} --help`."
    except _out_of_memory() as error:
        reason = (str(error).strip() or "no more to be had").splitlines()[0][:200]
        code = f"kerasrnn: the memory must hold what is asked for, but it does not ({reason}); ask for less."
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 2
    elif code == INTERRUPTED:
        print("kerasrnn: interrupted; what was saved is kept.", file=sys.stderr)
    sys.exit(code)
