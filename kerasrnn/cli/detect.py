"""kerasrnn detect: events in long recordings."""

import json
from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option


def register(app: typer.Typer) -> None:
    app.command(
        "detect",
        epilog="Example: kerasrnn detect runs/whale monday.flac tuesday.flac --precision 0.9 --out found",
    )(run)


def run(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    recordings: Annotated[
        list[Path], typer.Argument(metavar="RECORDING…", help="Audio files of any length.")
    ],
    precision: Annotated[
        float, Option(help="Wanted on the validation clips, which the threshold is chosen on.")
    ] = 0.9,
    threshold: Annotated[
        float | None, Option(help="Least score of a detection, instead of --precision.")
    ] = None,
    out: Annotated[Path, Option(help="Where the tables and pictures go.")] = Path("detections"),
    picture: Annotated[bool, Option(help="Draw the spectrogram of what was found.")] = True,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find events: for each recording a Raven selection table, a CSV and a picture in --out."""
    from kerasrnn.cli.quiet import load_tensorflow
    from kerasrnn.errors import UserError
    from kerasrnn.files import require_place
    from kerasrnn.notice import tell
    from kerasrnn.run import Run

    for name, value in (("--precision", precision), ("--threshold", threshold)):
        if value is not None and not 0 <= value <= 1:
            raise UserError(f"{name} must be from 0 to 1, got {value}.")
    require_place(out)
    load_tensorflow()
    trained = Run(folder)
    if not trained.app.has("detect"):
        raise UserError(
            f"`kerasrnn detect` needs an app that detects; {trained.app.name} does not."
        )
    detector = trained.app.file("detect")
    answer = {"app": trained.app.name, "threshold": threshold}
    if threshold is None:
        chosen = detector.chosen_threshold(trained, precision)
        alarms = detector.alarms_an_hour(trained, chosen)
        threshold = answer["threshold"] = chosen.score
        answer["validation"] = {
            "precision": chosen.precision,
            "recall": chosen.recall,
            "false_alarms_per_hour": alarms,
        }
        source = trained.data or trained.app.default_data
        tell(
            f"Threshold {threshold:.4f}: on the validation clips of {source}, "
            f"precision {chosen.precision:.3f} and recall {chosen.recall:.3f}; {alarms:.1f} false alarms in an "
            "hour of those without a call."
        )
    found, refused = detector.search(trained, recordings, out, threshold, picture)
    if as_json:
        print(json.dumps(answer | {"recordings": found, "refused": refused}, ensure_ascii=False))
    else:
        for one in found:
            print(f"{one['recording']}: {len(one['detections']):,} detections: {one['files'][0]}")
    if refused:
        raise UserError(" ".join(refused))
