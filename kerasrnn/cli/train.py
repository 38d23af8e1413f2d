"""kerasrnn train: from data to a run folder."""

import os
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option
EXAMPLE = (
    "Example: kerasrnn train char_lm --data book.txt --preset small --max-minutes 5 --out runs/book"
)


def register(app: typer.Typer) -> None:
    app.command("train", epilog=EXAMPLE)(run)


def run(
    app: Annotated[str, typer.Argument(help="The application; `kerasrnn apps` lists them.")],
    data: Annotated[str | None, Option(help="What to learn from; see the app's README.")] = None,
    preset: Annotated[str, Option(help="tiny, small, base, or a JSON file of settings.")] = "small",
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="KEY=VALUE", help="Change one number of the preset."),
    ] = None,
    epochs: Annotated[int | None, Option(help="Reports before the end.")] = None,
    max_minutes: Annotated[
        float | None, Option(help="Training time, without start-up and compilation.")
    ] = None,
    out: Annotated[Path | None, Option(help="The run folder; runs/APP by default.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with the run in --out.")] = False,
    seed: Annotated[int, Option(help="Of weights, dropout and order.")] = 0,
    jit: Annotated[
        str, Option(help="XLA around the training step: on, off, or auto, which measures both.")
    ] = "auto",
    precision: Annotated[
        str, Option(help="float32, or mixed: bfloat16 or float16, the weights in float32.")
    ] = "float32",
    deterministic: Annotated[
        bool, Option("--deterministic", help="The same bits each time, also on a GPU; slower.")
    ] = False,
    profile: Annotated[
        bool, Option("--profile", help="A profile of a few steps, for TensorBoard.")
    ] = False,
    distribute: Annotated[
        str,
        Option(
            help="By several processes: mirrored (one for each device here), mirrored:N, or multi-worker "
            "(as TF_CONFIG says)."
        ),
    ] = "none",
) -> None:
    """Train an application and keep everything in a run folder."""
    from kerasrnn.app import find_app
    from kerasrnn.cli.quiet import load_tensorflow
    from kerasrnn.run import train

    found = find_app(app)
    load_tensorflow()
    config = None
    if preset.endswith(".json") or "/" in preset:
        config = _preset_file(found, Path(preset))
    trained = train(
        found,
        data,
        preset=preset,
        out=out,
        config=config,
        settings=tuple(settings or ()),
        epochs=epochs,
        max_minutes=max_minutes,
        resume=resume,
        seed=seed,
        jit=jit,
        precision=precision,
        deterministic=deterministic,
        profile=profile,
        distribute=distribute,
    )
    if trained is not None:  # the chief's
        print(trained.folder.path)


def follow() -> None:
    """Train as a process that `--distribute mirrored` began: what, its chief says. It ends with the chief."""
    from kerasrnn import notice
    from kerasrnn.cli.quiet import load_tensorflow
    from kerasrnn.errors import UserError

    threading.Thread(target=_end_with_the_chief, daemon=True).start()
    load_tensorflow()
    from kerasrnn.learning import carried_out
    from kerasrnn.training.distribution import PeerGone
    from kerasrnn.training.gathering import gathered

    notice.hush()
    try:
        with gathered("multi-worker") as team:
            carried_out(team, team.told(None))
    except PeerGone:
        sys.exit(2)  # the chief says it
    except UserError as error:
        sys.exit(f"kerasrnn: {error}")


def _end_with_the_chief() -> None:
    sys.stdin.read()  # the chief holds the other end
    os._exit(2)


def _preset_file(app, path: Path):
    from kerasrnn.errors import UserError
    from kerasrnn.files import read_json
    from kerasrnn.settings import from_json

    try:
        values = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"A preset file must be JSON, but {path} cannot be read: {error}."
        ) from None
    if not isinstance(values, dict):
        raise UserError(f"A preset file must hold one JSON object, but {path} does not.")
    return from_json(app.file("config").Config, values)
