"""kerasrnn compare: configurations of an app beside each other."""

import json
from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option


def register(app: typer.Typer) -> None:
    app.command(
        "compare",
        epilog="Example: kerasrnn compare wavenet --variant wavenet: --variant rnn:network=sample_rnn "
        "--max-minutes 2 --seeds 3",
    )(run)


def run(
    app: Annotated[str, typer.Argument(help="The application; `kerasrnn apps` lists them.")],
    variants: Annotated[
        list[str],
        Option("--variant", metavar="NAME:KEY=VALUE,…", help="A configuration; give two or more."),
    ],
    data: Annotated[str | None, Option(help="What all learn from; see the app's README.")] = None,
    preset: Annotated[str, Option(help="What the variants change: tiny, small or base.")] = "small",
    seeds: Annotated[int, Option(help="Trainings of each, with the seeds 0, 1, ….")] = 1,
    max_minutes: Annotated[float | None, Option(help="Training time of each.")] = None,
    epochs: Annotated[int | None, Option(help="Reports of each.")] = None,
    split: Annotated[str, Option(help="The split that they are judged on.")] = "test",
    out: Annotated[Path, Option(help="A folder for the runs, table and picture.")] = Path(
        "comparison"
    ),
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train configurations on the same data, seeds and time: one table, one picture."""
    from kerasrnn.app import find_app
    from kerasrnn.cli.quiet import load_tensorflow

    found = find_app(app)
    named = dict(_variant(text, found, preset) for text in variants)
    load_tensorflow()
    from kerasrnn.comparison import columns, compare
    from kerasrnn.training.pictures import comparison

    answer = compare(
        found, named, out, data=data, preset=preset, seeds=range(seeds), max_minutes=max_minutes,
        epochs=epochs, split=split,
    )  # fmt: skip
    comparison(answer, out / "comparison.png")
    if as_json:
        print(json.dumps(answer, ensure_ascii=False))
        return
    _print(columns(answer), f"{found.name} on {split}, {seeds} seed{'s' * (seeds > 1)}")
    print(out / "comparison.png")


def _variant(text: str, app, preset: str) -> tuple[str, tuple[str, ...]]:
    """A variant's name and its settings, which are tried on the preset."""
    from kerasrnn.errors import UserError
    from kerasrnn.settings import with_settings

    name, colon, settings = text.partition(":")
    if not colon or not name or Path(name).name != name:
        raise UserError(f"A variant must be written NAME:KEY=VALUE,…, got {text!r}.")
    changes = []
    for part in filter(None, settings.split(",")):
        if "=" in part or not changes:
            changes.append(part)
        else:  # the next number of a tuple
            changes[-1] += f",{part}"
    with_settings(app.preset(preset), changes)
    return name, tuple(changes)


def _print(rows: list[dict], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", title=title)
    for row in rows:
        table.add_column(row[""], justify="right")
    for name in list(rows[0])[1:]:
        table.add_row(name.replace("_", " "), *(row[name] for row in rows))
    Console(width=max(Console().width, 80)).print(table)
