"""Whether a search finds something, and whether it keeps its memory.

    python -m benchmarks.tuning [--apps whale,char_lm] [--data APP=PATH] [--trials 20] [--epochs 3] [--seeds 2]
                                [--tuner bayesian] [--max-parameters N] [--set KEY=VALUE]
    python -m benchmarks.tuning --memory [--apps whale,char_lm] [--trials 50]

The first prints the best validation score of the preset `small` beside that of a search from it, whose first
trial is the preset itself: it trains as long as the longest trial, from the same weights and order of data.
The second searches tiny models and prints the resident memory of the process that searches, after the fifth
trial and after the last: of the command; of a tuner that is made by hand and searches the learning rate alone,
of one that searches all, whose process TensorFlow gives memory for the largest model so far; and of a Hyperband
made by hand, which keeps the optimizers' state too.
"""

import argparse
import csv
import functools
import gc
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import keras_tuner
from rich.console import Console
from rich.table import Table

from kerasrnn.app import find_app
from kerasrnn.run import train
from kerasrnn.tuning import HyperApp, search

PAGE = 4096 / 2**20  # MiB
TINY = "epoch_steps=3"
ENDED = re.compile(r"trial \d+: (valid_|failed)")


def compared(
    name: str, data: str | None, seed: int, epochs: int, settings: tuple, **searched
) -> list[str]:
    """The preset and the search: a row of the table."""
    app = find_app(name)
    metric, direction = app.file("judge").OBJECTIVE
    best = {"max": max, "min": min}[direction]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        common = {"preset": "small", "settings": settings, "epochs": epochs, "seed": seed}
        train(app, data, out=out / "preset", **common)
        with open(out / "preset" / "history.csv", newline="", encoding="utf-8") as file:
            preset = best(float(row[f"valid_{metric}"]) for row in csv.DictReader(file))
        found = search(app, data, out=out / "tuned", **searched, **common)
    top = found.trials[0]
    better = "yes" if top.score != preset and best(top.score, preset) == top.score else "no"
    failed = sum(trial.failure is not None for trial in found.trials)
    values = ", ".join(
        f"{n}={v:.3g}" if isinstance(v, float) else f"{n}={v}" for n, v in top.values.items()
    )
    return [
        name,
        str(seed),
        metric,
        f"{preset:.4f}",
        f"{top.score:.4f}",
        better,
        str(failed),
        values,
    ]


class Weighed(HyperApp):
    """An app that notes this process' memory before each trial, when the model before it has gone."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.seen = []

    def build(self, hp):
        self.weigh()
        return super().build(hp)

    def weigh(self) -> None:
        keras.utils.clear_session()
        gc.collect()
        self.seen.append(resident(os.getpid()))


def resident(process: int) -> float:
    """A process' resident memory, MiB."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE


def memory(trials: int, apps: list[str]) -> None:
    """The rows whose searches are of `apps`."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text.txt"
        text.write_text("the quick brown fox jumps over the lazy dog. " * 400, "utf-8")
        rate = keras_tuner.HyperParameters()
        rate.Float("learning_rate", 1e-3, 1e-2, sampling="log")
        chars, clips = ("char_lm", str(text)), ("whale", None)
        searches = {
            "kerasrnn tune char_lm": lambda: of_search(str(text), folder, trials),
            "by hand, char_lm of one size": lambda: of_tuner(*chars, folder, random(trials, rate)),
            "by hand, char_lm of all sizes": lambda: of_tuner(*chars, folder, random(trials)),
            "by hand, whale of all sizes": lambda: of_tuner(*clips, folder, random(trials)),
            "by hand, whale by Hyperband": lambda: of_tuner(*clips, folder, hyperband(trials)),
        }
        for whose, of in searches.items():
            if not any(app in whose for app in apps):
                continue
            seen = of()
            fifth, last = seen[min(5, trials) - 1], seen[-1]
            print(f"{len(seen)} trials, {whose}: {fifth:.0f} MiB after the fifth, {last:.0f} after the last "
                  f"({100 * (last / fifth - 1):+.1f} %)", flush=True)  # fmt: skip


def of_search(text: str, folder: str, trials: int) -> list[float]:
    """The memory of `kerasrnn tune` as it tells of the end of each trial."""
    words = [
        "tune",
        "char_lm",
        "--data",
        text,
        "--preset",
        "tiny",
        "--set",
        TINY,
        "--tuner",
        "random",
    ]
    words += ["--trials", str(trials), "--epochs", "1", "--no-retrain", "--out", f"{folder}/tuned"]
    command = [sys.executable, "-c", "from kerasrnn.cli import main; main()", *words]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as searching:
        told = (line for line in searching.stderr if ENDED.match(line))
        return [resident(searching.pid) for _ in told]


def random(trials: int, only=None):
    """A tuner to make, of `trials` trials.

    Args:
        only: the HyperParameters that are searched; all unless given.
    """
    return functools.partial(
        keras_tuner.RandomSearch,
        max_trials=trials,
        hyperparameters=only,
        tune_new_entries=only is None,
    )


def hyperband(trials: int):
    """A tuner to make, of `trials` trials or a few more: as many of its rounds as that takes."""
    epochs, factor = 9, 3
    rounds = math.ceil(trials / 22)  # 9 + 3 + 1, 5 + 1 and 3
    return functools.partial(
        keras_tuner.Hyperband, max_epochs=epochs, factor=factor, hyperband_iterations=rounds
    )


def of_tuner(name: str, data: str | None, folder: str, tuner) -> list[float]:
    """The memory of this process after each trial of a KerasTuner that was made in it."""
    tiny = Weighed(name, data, preset="tiny", settings=(TINY,))
    made = tuner(tiny, tiny.objective, seed=1, directory=tempfile.mkdtemp(dir=folder))
    before = len(tiny.seen)
    made.search(epochs=1, verbose=0)
    tiny.weigh()
    return tiny.seen[before + 1 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--apps", default="whale,char_lm")
    parser.add_argument("--data", action="append", default=[], metavar="APP=PATH")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tuner", default="bayesian")
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="KEY=VALUE",
        help="of the preset, such as epoch_steps=100 for shorter trials",
    )  # fmt: skip
    parser.add_argument("--max-parameters", type=int, help="a larger model is a failed trial")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    if options.memory:
        memory(options.trials or 50, options.apps.split(","))
        return
    data = dict(pair.split("=", 1) for pair in options.data)
    table = Table(
        title=f"`small` and {options.trials or 20} trials ({options.tuner}), {options.epochs} epochs"
    )
    for column in ("app", "seed", "metric", "small", "search", "better", "failed", "chosen"):
        table.add_column(column, overflow="fold")
    for name in options.apps.split(","):
        for seed in range(options.seeds):
            row = compared(
                name, data.get(name), seed, options.epochs, tuple(options.settings),
                tuner=options.tuner, trials=options.trials or 20, max_parameters=options.max_parameters,
            )  # fmt: skip
            print(" | ".join(row), file=sys.stderr, flush=True)  # the whole takes an hour or more
            table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
