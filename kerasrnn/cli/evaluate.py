"""kerasrnn evaluate: metrics of a run on a split."""

import json
from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option


def register(app: typer.Typer) -> None:
    app.command("evaluate", epilog="Example: kerasrnn evaluate runs/book --split valid")(run)


def run(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    data: Annotated[str | None, Option(help="Other data than the run was trained on.")] = None,
    split: Annotated[
        str,
        Option(help="train, valid, test, all (everything, unsplit), or another of the data's own."),
    ] = "test",
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Judge a trained run."""
    from kerasrnn.cli.quiet import load_tensorflow
    from kerasrnn.notice import tell
    from kerasrnn.run import Run

    load_tensorflow()
    trained = Run(folder)
    if (data or trained.data) is None:
        tell(f"No --data: judging on {trained.app.default_data}.")
    examples, metrics = trained.judge(data, split)
    if as_json:
        answer = {
            "app": trained.app.name, "split": split, "examples": examples, "metrics": metrics
        }  # fmt: skip
        print(json.dumps(answer))
        return
    print(f"{trained.app.name} on {split}: {examples:,} examples")
    for name, value in metrics.items():
        print(f"  {name:20} {value:.4f}")
