"""kerasrnn export: from a run folder to a SavedModel that TF Serving takes, or its network as one file."""

import enum
import shlex
from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option


class Format(enum.StrEnum):
    """What a model is exported as."""

    saved_model = enum.auto()
    onnx = enum.auto()
    litert = enum.auto()


def register(app: typer.Typer) -> None:
    app.command("export", epilog="Example: kerasrnn export runs/book --name book")(run)


def run(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    to: Annotated[Path, Option(help="Where the models of a server lie.")] = Path("saved_models"),
    name: Annotated[str | None, Option(help="The model's name; the app's by default.")] = None,
    add_version: Annotated[
        bool, Option("--add-version", help="Add the next version to a model that is there.")
    ] = False,
    form: Annotated[
        Format, Option("--format", help="onnx and litert hold the network alone.")
    ] = Format.saved_model,
    steps: Annotated[
        int | None,
        Option(min=1, help="Of litert, 1 unless given, where the network takes any number."),
    ] = None,
) -> None:
    """Write a SavedModel and check it in a process without kerasrnn.

    models.config beside it lists all models there for TF Serving. With --format onnx or litert, write
    NAME.onnx or NAME.tflite, checked by its own runtime, and say what it takes and gives.
    """
    from kerasrnn.cli.quiet import load_tensorflow
    from kerasrnn.errors import UserError
    from kerasrnn.export.serving_config import docker_command, write_config
    from kerasrnn.notice import tell
    from kerasrnn.run import Run

    if add_version and form is not Format.saved_model:
        raise UserError(
            f"--add-version is of saved_model alone, got --format {form}, one file; leave it out."
        )
    if steps is not None and form is not Format.litert:
        raise UserError(
            f"--steps is of litert alone, got --format {form}, which takes any number; leave it out."
        )
    load_tensorflow()
    trained = Run(folder)
    name = name or trained.app.name
    if Path(name).name != name or name.startswith("."):
        raise UserError(f"--name must be a plain name without slashes, got {name!r}.")
    if form is not Format.saved_model:
        _network(trained, to / name, form.value, steps or 1)
        return
    version = trained.export(to / name, add_version=add_version)
    write_config(to)
    tell(f"Serve it here:        kerasrnn serve {shlex.quote(str(to))}")
    tell(f"or with TF Serving:   {docker_command(to)}")
    print(version)


def _network(trained, target: Path, form: str, steps: int) -> None:
    from kerasrnn.export.network import SUFFIX, write_network
    from kerasrnn.files import require_place
    from kerasrnn.notice import tell

    require_place(target.parent)
    path = target.with_name(target.name + SUFFIX[form])
    written = write_network(trained.model, path, form, steps)
    open_sizes = " (-1: any number)" if form is not Format.litert else ""
    tell(f"It takes {'; '.join(written.inputs)}{open_sizes},")
    tell(
        f"and gives {'; '.join(written.outputs)}: the network alone, without what reads files or writes words."
    )
    print(written.path)
