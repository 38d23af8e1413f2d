"""kerasrnn tune: a search for an app's best numbers, and the run that they give."""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from kerasrnn.errors import UserError

Option = typer.Option
EXAMPLE = "Example: kerasrnn tune whale --trials 20 --epochs 9 --out runs/whale-tuned"


def register(app: typer.Typer) -> None:
    app.command("tune", epilog=EXAMPLE)(run)


def run(
    app: Annotated[str, typer.Argument(help="The application; `kerasrnn apps` lists them.")],
    data: Annotated[str | None, Option(help="What to learn from; see the app's README.")] = None,
    tuner: Annotated[
        str | None, Option(help="hyperband (unless given), bayesian or random.")
    ] = None,
    trials: Annotated[
        int | None, Option(help="In all, 20 unless given; each round of Hyperband's counts.")
    ] = None,
    epochs: Annotated[int | None, Option(help="Reports of the longest trial.")] = None,
    max_minutes: Annotated[float | None, Option(help="Training time of one trial.")] = None,
    max_parameters: Annotated[int | None, Option(help="A larger model fails its trial.")] = None,
    preset: Annotated[
        str | None, Option(help="What is not searched: tiny, small (unless given) or base.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="KEY=VALUE", help="Change one number of the preset."),
    ] = None,
    out: Annotated[Path | None, Option(help="A folder; runs/APP-tuned by default.")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with the search in --out.")] = False,
    seed: Annotated[
        int | None, Option(help="Of weights, order and choices; 0 unless given.")
    ] = None,
    retrain: Annotated[bool, Option(help="Train the best again, into OUT/best.")] = True,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Search an application's best numbers with KerasTuner.

    OUT gets trials.csv, plots/trials.png, best.json (which `train --preset OUT/best.json` takes) and best/, the
    run that is trained with it. A search that was killed goes on with --resume, as it was begun.
    """
    from rich.console import Console

    from kerasrnn.app import find_app
    from kerasrnn.cli.quiet import load_tensorflow
    from kerasrnn.files import write_text
    from kerasrnn.settings import to_json

    found_app = find_app(app)
    load_tensorflow()
    from kerasrnn.tuning import report, search

    out = out or Path("runs") / f"{app}-tuned"
    found = search(
        found_app, data, out=out, tuner=tuner, trials=trials, preset=preset,
        settings=tuple(settings or ()), epochs=epochs, max_minutes=max_minutes,
        max_parameters=max_parameters, seed=seed, resume=resume,
    )  # fmt: skip
    if found is None:
        return
    report.write_csv(found, out / "trials.csv")
    report.draw(found, out / "plots" / "trials.png")
    write_text(out / "best.json", json.dumps(to_json(found.config), indent=2) + "\n")
    trained = _retrained(found_app, found.config, out) if retrain else None
    if as_json:
        print(json.dumps(_answer(app, found, out, trained)))
        return
    Console().print(report.table(found))
    print(out / "best.json")
    if trained:
        print(trained.folder.path)


def _retrained(app, config, out: Path):
    """The best configuration, trained as long as the search's longest trial.

    A longer search may have found another since: its run takes the place of the one that is there.
    """
    from kerasrnn.run import train

    begun, best = json.loads((out / "search.json").read_text("utf-8")), out / "best"
    going_on = _is_run_of(config, best)
    if best.exists() and not going_on:
        shutil.rmtree(best)
    return train(
        app, begun["data"], config=config, out=best, seed=begun["seed"],
        epochs=begun["epochs"], max_minutes=begun["max_minutes"], resume=going_on,
    )  # fmt: skip


def _is_run_of(config, folder: Path) -> bool:
    """Whether a run of this configuration has been begun in `folder`."""
    from kerasrnn.settings import from_json
    from kerasrnn.training.folder import RunFolder

    try:
        return from_json(type(config), RunFolder(folder).read_config()["config"]) == config
    except UserError:  # there is none, or it was ended while it was written or removed
        return False


def _answer(app: str, found, out: Path, trained) -> dict:
    best = found.trials[0]
    return {
        "app": app,
        "objective": found.objective,
        "trials": [
            {"trial": t.number, "score": t.score, "values": t.values, "failure": t.failure}
            for t in found.trials
        ],
        "best": {"trial": best.number, "score": best.score, "values": best.values},
        "preset": str(out / "best.json"),
        "run": str(trained.folder.path) if trained else None,
    }
