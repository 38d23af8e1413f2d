"""The command line: one file per verb. Nothing here loads TensorFlow before a verb needs it."""

import os
import sys

import typer

from kerasrnn.cli import apps, evaluate, export, predict, train
from kerasrnn.errors import UserError

app = typer.Typer(
    name="kerasrnn",
    help="Recurrent networks in Keras: train, judge, use and export an application.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Example: kerasrnn train char_lm --data book.txt --out runs/book",
)
for verb in (apps, train, evaluate, predict, export):
    verb.register(app)


def main() -> None:
    """Run a verb; exit 2 with one line where the user's input is wrong."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        app()
    except UserError as error:
        print(f"kerasrnn: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("kerasrnn: interrupted; what was saved is kept.", file=sys.stderr)
        sys.exit(130)
