"""Pictures of a training."""

import math
from pathlib import Path

from matplotlib.figure import Figure

from kerasrnn.files import whole_file


def save_figure(figure: Figure, path: Path) -> None:
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def learning_curve(history: list[dict], objective: str, path: Path, title: str) -> None:
    """Training loss, the judged objective and the learning rate over the steps.

    A perplexity is e to the power of a loss; where it is the objective, it is drawn for both.
    """
    unit = "perplexity" if objective == "perplexity" else ""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    steps = [row["step"] for row in history]
    marks = {"marker": "o", "markersize": 3.5}
    loss = [math.exp(row["loss"]) if unit else row["loss"] for row in history]
    axes.plot(steps, loss, label=f"training {unit or 'loss'}", **marks)
    valid = [row[f"valid_{objective}"] for row in history]
    axes.plot(steps, valid, label=f"validation {objective.replace('_', ' ')}", **marks)
    best = min(range(len(valid)), key=valid.__getitem__)
    beside = {"textcoords": "offset points", "ha": "right"}
    axes.annotate(f"{valid[-1]:.3f}", (steps[-1], valid[-1]), (0, 7), **beside)
    if best != len(valid) - 1:
        axes.annotate(f"best {valid[best]:.3f}", (steps[best], valid[best]), (0, -14), **beside)
    rate = axes.twinx()
    rate.plot(steps, [row["learning_rate"] for row in history], color="0.7", lw=1, ls="--")
    rate.set_ylabel("learning rate", color="0.5")
    rate.set_ylim(bottom=0)
    axes.set(xlabel="training step", ylabel=unit or "nats", title=title)
    if unit:
        axes.set_yscale("log")
    axes.margins(y=0.12)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    save_figure(figure, path)
