"""Configurations of one app beside each other: the same data, the same seeds, the same time to learn."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kerasrnn.app import App
from kerasrnn.errors import UserError
from kerasrnn.files import require_place, write_text
from kerasrnn.notice import tell
from kerasrnn.settings import known, require_limits, to_json
from kerasrnn.training.folder import RunFolder

MIB = 2**20
VERB = "import sys; from kerasrnn.cli import main; sys.argv[0] = 'kerasrnn'; main()"


@dataclass
class Row:
    """One configuration, trained once for each seed.

    Attributes:
        name: what it is called.
        settings: "key=value" of the preset that it changes.
        metrics: of each seed's run on the split, by name.
        parameters: of the model.
        examples_per_second: learned from, the mean over seeds.
        peak_mib: the most memory that a training's process held, the largest over seeds.
        traits: what else the app tells, of the first seed's run.
        histories: of each seed's run, its reports.
    """

    name: str
    settings: tuple[str, ...]
    metrics: list[dict[str, float]] = field(default_factory=list)
    parameters: int = 0
    examples_per_second: float = 0.0
    peak_mib: float = 0.0
    traits: dict = field(default_factory=dict)
    histories: list[list[dict]] = field(default_factory=list)


def compare(
    app: App,
    variants: Mapping[str, Sequence[str]],
    out: str | Path,
    *,
    data: str | None = None,
    preset: str = "small",
    seeds: Sequence[int] = (0,),
    max_minutes: float | None = None,
    epochs: int | None = None,
    split: str = "test",
) -> dict:
    """Train each variant with each seed, in a process of its own, and judge it.

    A run that is there already, from a comparison that was cut off, is gone on with or taken as it is; it must
    be of the same settings, data, seed and limits.

    Args:
        variants: {name: ("key=value", …)}, changes to the preset.
        out: a folder; gets a run folder for each training, comparison.json and comparison.png.
        data: what all learn from; the app's embedded default unless given.
        seeds: of weights and order.
        max_minutes, epochs: of each training, as `kerasrnn train` takes them.
        split: that they are judged on.
    Returns:
        What comparison.json holds: {"app", "split", "objective", "rows": [{"name", "settings", "metrics", …}]}.
    Raises:
        UserError: if there are fewer than two variants or no seed, a training is refused, or a run in `out` is
            another.
    """
    if len(variants) < 2 or not seeds:
        raise UserError(
            f"A comparison needs two variants at least, and a seed, got {len(variants)} and {len(seeds)}."
        )
    require_limits(epochs=epochs, max_minutes=max_minutes)
    out = Path(out)
    require_place(out)
    rows = [Row(name, tuple(settings)) for name, settings in variants.items()]
    given = {"preset": preset, "data": data, "max_minutes": max_minutes, "epochs": epochs}
    plan = [  # all variants of a seed after each other: a busy hour is shared
        (row, out / f"{row.name}-{seed}", given | {"seed": seed}) for seed in seeds for row in rows
    ]
    for row, folder, wanted in plan:
        _refuse_another(app, row, folder, wanted)
    for row in rows:
        config = app.preset(preset, max_minutes, row.settings)
        known(split, app.file("data").open_source(data, config).splits, "A split")
    for row, folder, wanted in plan:
        tell(f"{row.name}, seed {wanted['seed']}: {folder}")
        _measure(app, row, folder, wanted, split)
    objective, direction = app.file("judge").OBJECTIVE
    answer = {
        "app": app.name,
        "data": data or app.default_data,
        "preset": preset,
        "minutes": max_minutes,
        "epochs": epochs,
        "seeds": list(seeds),
        "split": split,
        "objective": objective,
        "direction": direction,
        "rows": [vars(row) for row in rows],
    }
    write_text(out / "comparison.json", json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
    return answer


def _measure(app: App, row: Row, folder: Path, given: dict, split: str) -> None:
    """Train one variant with one seed, unless that was done, and add what came of it to its row."""
    from kerasrnn.run import Run

    kept = folder / "peak.json"
    if not kept.is_file():
        words = [f"--{name.replace('_', '-')}={v}" for name, v in given.items() if v is not None]
        words += [word for setting in row.settings for word in ("--set", setting)]
        words += ["--resume"] if (folder / "config.json").is_file() else []
        peak = _train([app.name, *words, "--out", str(folder)])
        write_text(kept, json.dumps({"peak_mib": peak}) + "\n")
    run = Run(folder)
    row.metrics.append(run.evaluate(split=split))
    row.parameters = run.model.count_params()
    speed = run.measures["steps"] * run.config.batch_size / run.measures["seconds"]
    count = len(row.metrics)
    row.examples_per_second += (speed - row.examples_per_second) / count
    row.peak_mib = max(row.peak_mib, json.loads(kept.read_text("utf-8"))["peak_mib"])
    row.histories.append(run.folder.read_history())
    if not row.traits and app.has("traits"):
        row.traits = app.file("traits").traits(run)


def _refuse_another(app: App, row: Row, folder: Path, given: dict) -> None:
    """Refuse a run in the folder, if there is one, that is not the one wanted."""
    if not (folder / "config.json").is_file():
        return
    found = RunFolder(folder).read_config()
    config = app.preset(given["preset"], given["max_minutes"], row.settings)
    data = given["data"] and str(Path(given["data"]).absolute())
    wanted = given | {
        "app": app.name,
        "data": data,
        "config": json.loads(json.dumps(to_json(config))),
    }
    for name, value in wanted.items():
        if found.get(name) != value:
            raise UserError(
                f"{folder} holds a run with another {name} than is wanted for {row.name}; choose another --out."
            )


def _train(words: list[str]) -> float:
    """`kerasrnn train words…` in a process of its own: the most memory it held, MiB.

    Raises:
        UserError: if it refuses its input, by its own sentence.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", VERB, "train", *words], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise UserError(f"A training ended with {process.returncode}; its reason is told above.")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, bytes
    return usage.ru_maxrss * unit / MIB


def columns(answer: dict) -> list[dict]:
    """The table of a comparison, a {column: text} for each row."""
    table = []
    for row in answer["rows"]:
        cells = {"": row["name"]}
        for name in row["metrics"][0]:
            cells[name] = _spread([metrics[name] for metrics in row["metrics"]])
        cells["parameters"] = f"{row['parameters']:,}"
        cells["examples/s"] = f"{row['examples_per_second']:,.1f}"
        cells["peak MiB"] = f"{row['peak_mib']:,.0f}"
        for name, value in row["traits"].items():
            cells[name] = value if isinstance(value, str) else f"{value:,.0f}"
        table.append(cells)
    return table


def _spread(values: list[float]) -> str:
    """The mean, and with several values how far they lie apart."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return f"{mean:.3f}"
    return f"{mean:.3f} ({min(values):.3f}–{max(values):.3f})"
