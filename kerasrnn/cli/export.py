"""kerasrnn export: from a run folder to a SavedModel that TF Serving takes."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option


def register(app: typer.Typer) -> None:
    app.command("export", epilog="Example: kerasrnn export runs/book --name book")(run)


def run(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    to: Annotated[Path, Option(help="Where the models of a server lie.")] = Path("saved_models"),
    name: Annotated[str | None, Option(help="The model's name; the app's by default.")] = None,
    add_version: Annotated[
        bool, Option("--add-version", help="Add the next version to a model that is there.")
    ] = False,
) -> None:
    """Write a SavedModel and check it in a process without kerasrnn.

    models.config beside it lists all models there for TF Serving.
    """
    from kerasrnn.cli.quiet import load_tensorflow
    from kerasrnn.errors import UserError
    from kerasrnn.export.serving_config import docker_command, write_config
    from kerasrnn.notice import tell
    from kerasrnn.run import Run

    load_tensorflow()
    trained = Run(folder)
    name = name or trained.app.name
    if Path(name).name != name or name.startswith("."):
        raise UserError(f"--name must be a plain name without slashes, got {name!r}.")
    version = trained.export(to / name, add_version=add_version)
    write_config(to)
    tell(f"Serve it here:        kerasrnn serve {shlex.quote(str(to))}")
    tell(f"or with TF Serving:   {docker_command(to)}")
    print(version)
