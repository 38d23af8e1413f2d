"""What a search found, as a table and as a picture."""

import csv
import io
import math
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.table import Table

from kerasrnn.files import write_text
from kerasrnn.training.pictures import save_figure
from kerasrnn.tuning.trials import Found, Trial


def table(found: Found, most: int = 20) -> Table:
    """The best `most` trials, a line each; those that failed come last."""
    names = list(found.trials[0].values)
    made = Table(title=f"{found.objective} ({found.direction}) of {len(found.trials)} trials")
    for name in ("trial", found.objective.removeprefix("valid_"), "epochs", *names):
        made.add_column(name, justify="right", overflow="fold")
    for trial in found.trials[:most]:
        made.add_row(*_cells(trial, names))
    return made


def write_csv(found: Found, path: Path) -> None:
    """Every trial, the best first."""
    names = list(dict.fromkeys(name for trial in found.trials for name in trial.values))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", found.objective, "epochs", "failure", *names])
    for t in found.trials:
        chosen = [t.values.get(name, "") for name in names]
        writer.writerow([t.number, t.score, t.epochs, t.failure, *chosen])
    write_text(path, text.getvalue())


def draw(found: Found, path: Path) -> None:
    """The objective against each number that was searched, a dot a trial; the best is a star."""
    names = list(found.trials[0].values)
    columns = min(len(names), 4)
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(3.1 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    good = [trial for trial in found.trials if trial.score is not None]
    for name, axes in zip(names, panels, strict=False):
        _panel(axes, name, good)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for axes in panels[::columns]:
        axes.set_ylabel(found.objective.replace("_", " "))
    failed = len(found.trials) - len(good)
    lost = f", {failed} more failed" if failed else ""
    figure.suptitle(f"{len(good)} trials, the best marked by a star{lost}", fontsize=11)
    save_figure(figure, path)


def _panel(axes, name: str, trials: list[Trial]) -> None:
    chosen = [trial.values.get(name) for trial in trials]
    numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in chosen
    )
    if numbers:
        x = chosen
        if min(chosen) > 0 and max(chosen) > 20 * min(chosen):
            axes.set_xscale("log")
        else:
            whole = all(isinstance(value, int) for value in chosen)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=whole))
    else:
        kinds = sorted({str(value) for value in chosen})
        x = [kinds.index(str(value)) for value in chosen]
        axes.set_xticks(range(len(kinds)), kinds, fontsize=8)
        axes.set_xlim(-0.5, len(kinds) - 0.5)
    y = [trial.score for trial in trials]
    axes.scatter(x, y, s=22, alpha=0.6)
    axes.scatter(x[:1], y[:1], s=130, marker="*", color="tab:red", zorder=3)
    axes.set_title(name.replace("_", " "), fontsize=10)
    axes.grid(alpha=0.3)


def _cells(trial: Trial, names: list[str]) -> list[str]:
    score = "failed" if trial.failure else "–" if trial.score is None else f"{trial.score:.4f}"
    epochs = "" if trial.epochs is None else str(trial.epochs)
    return [str(trial.number), score, epochs, *(_cell(trial.values.get(n)) for n in names)]


def _cell(value) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
