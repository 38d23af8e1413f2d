"""kerasrnn apps: what there is to train."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("apps", epilog="Example: kerasrnn apps")(run)


def run(
    names: Annotated[
        bool, typer.Option("--names", help="Print the names only, one a line.")
    ] = False,
) -> None:
    """List the applications."""
    from kerasrnn.app import app_names, find_app

    for name in app_names():
        if names:
            print(name)
            continue
        app = find_app(name)
        print(f"{name:12} {app.summary}")
        print(f"{'':12} without --data: {app.default_data}")
        print(f"{'':12} presets: {', '.join(app.presets)}")
