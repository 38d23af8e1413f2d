"""Pictures of a training."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from kerasrnn.files import whole_file
from kerasrnn.metrics.perplexity import perplexity

TINY = 1e-30  # what a logarithmic scale or a quotient takes for 0


def save_figure(figure: Figure, path: Path) -> None:
    """As PNG. A name with dollars is no formula; the powers of ten on a logarithmic axis are."""
    for text in figure.findobj(Text):
        said = text.get_text()
        if "$" in said and "mathdefault" not in said:
            text.set_parse_math(False)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def learning_curve(
    history: list[dict], objective: str, path: Path, title: str, largest: bool = False
) -> None:
    """Training loss, the judged objective and the learning rate over the steps.

    An objective in nats is drawn beside the loss, any other below it. A perplexity is e to the power of a
    loss; where it is the objective, it is drawn for both.

    Args:
        largest: the objective is best where it is largest.
    """
    doubt = objective == "perplexity"
    beside = doubt or objective.startswith("nats")
    figure = Figure(figsize=(7, 4.2 if beside else 6), layout="constrained")
    panels = figure.subplots(1 if beside else 2, sharex=True, squeeze=False)[:, 0]
    above, below = panels[0], panels[-1]
    steps = [row["step"] for row in history]
    marks = {"marker": "o", "markersize": 3.5}
    loss = [perplexity(row["loss"]) if doubt else row["loss"] for row in history]
    above.plot(steps, loss, label=f"training {'perplexity' if doubt else 'loss'}", **marks)
    valid = [row[f"valid_{objective}"] for row in history]
    name = objective.replace("_", " ")
    below.plot(steps, valid, color="C1", label=f"validation {name}", **marks)
    _note_ends(below, steps, valid, (max if largest else min))
    rate = above.twinx()
    rate.plot(steps, [row["learning_rate"] for row in history], color="0.7", lw=1, ls="--")
    rate.set_ylabel("learning rate", color="0.5")
    rate.set_ylim(bottom=0)
    below.set_ylabel(name)
    above.set(title=title, ylabel="perplexity" if doubt else "nats")
    below.set_xlabel("training step")
    for axes in panels:
        if doubt:
            axes.set_yscale("log")
        axes.margins(y=0.12)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, loc=_corner(valid if axes is below else loss))
    save_figure(figure, path)


def _corner(values) -> str:
    """Where a legend hides little of a curve: away from where it ends."""
    return "lower right" if values[-1] > values[0] else "upper right"


def _note_ends(axes, steps: list, values: list, choose) -> None:
    """The last value and, where it is another, the one that `choose` takes, in figures."""
    best = choose(range(len(values)), key=values.__getitem__)
    beside = {"textcoords": "offset points", "ha": "right"}
    axes.annotate(f"{values[-1]:.3f}", (steps[-1], values[-1]), (0, 7), **beside)
    if best != len(values) - 1:
        axes.annotate(f"best {values[best]:.3f}", (steps[best], values[best]), (0, -14), **beside)


def gradient_flows(panels: dict[str, dict[str, np.ndarray]], path: Path, title: str) -> None:
    """‖∂h_T/∂h_k‖ over T - k on a logarithmic scale, a panel beside the other.

    Args:
        panels: a panel's title → a curve's name → the norms for k = 0 … T, (T + 1,) or a row for
            each sequence (B, T + 1), of which the mean is drawn; a curve ends where it is exactly 0.
    """
    figure = Figure(figsize=(4.6 * len(panels), 3.8), layout="constrained")
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (name, curves) in zip(every, panels.items(), strict=True):
        for label, norms in curves.items():
            mean = np.atleast_2d(norms).mean(axis=0)[::-1]
            axes.plot(np.where(mean > 0, mean, np.nan), label=label)
        axes.axhline(1, color="0.6", lw=0.8, ls=":")
        axes.set(title=name, xlabel="steps back, T - k", yscale="log")
        axes.grid(alpha=0.3)
    every[0].set_ylabel("‖∂h_T / ∂h_k‖")
    every[0].legend(frameon=False, loc="upper right")
    figure.suptitle(title)
    save_figure(figure, path)


def saturation(gates: dict[str, tuple[np.ndarray, np.ndarray]], path: Path, title: str) -> None:
    """A dot for each unit: how often its gate is shut against how often it is open.

    Args:
        gates: as `Flow.gates` has them: shares of steps below 0.1 and above 0.9, (H,) each.
    Source: Karpathy et al. 2015, arXiv:1506.02078, figure 3.
    """
    figure = Figure(figsize=(3.4 * len(gates), 3.6), layout="constrained")
    every = figure.subplots(1, len(gates), sharey=True, squeeze=False)[0]
    for axes, (name, (low, high)) in zip(every, gates.items(), strict=True):
        axes.scatter(high, low, s=18, alpha=0.6)
        axes.plot([0, 1], [1, 0], color="0.6", lw=0.8, ls=":")
        axes.set(title=f"{name} gate", xlabel="share of steps above 0.9", xlim=(-0.03, 1.03))
        axes.set(ylim=(-0.03, 1.03), aspect="equal")
    every[0].set_ylabel("share of steps below 0.1")
    figure.suptitle(title)
    save_figure(figure, path)


def principal_components(states, count: int = 2):
    """The directions in which states vary most.

    Args:
        states: (N, H).
    Returns:
        The states in those directions (N, count), and the share of the variance along each (count,).
    """
    centred = states - states.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    shares = sizes**2 / max((sizes**2).sum(), TINY)
    return (left * sizes)[:, :count], shares[:count]


def hidden_states(states, labels, names: list[str], path: Path, title: str) -> None:
    """Hidden states in their two principal components (deck 002), by label and by time.

    Args:
        states: (B, T, H): on the left the last ones, coloured by label; on the right all, by step.
        labels: (B,) int, an index of `names`.
    """
    batch, steps, units = states.shape
    points, shares = principal_components(states.reshape(-1, units))
    points = points.reshape(batch, steps, 2)
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for number, name in enumerate(names):
        mine = points[np.asarray(labels) == number, -1]
        left.scatter(mine[:, 0], mine[:, 1], s=14, alpha=0.7, label=name)
    left.legend(frameon=False, loc="upper right")
    left.set(title="last states, by class")
    times = np.broadcast_to(np.arange(1, steps + 1), (batch, steps))
    dots = right.scatter(*points.reshape(-1, 2).T, c=times.ravel(), s=4, alpha=0.5, cmap="viridis")
    figure.colorbar(dots, ax=right, label="step")
    right.set(title="all states, by step")
    for axes in (left, right):
        axes.set_xlabel(f"first component, {shares[0]:.0%} of the variance")
        axes.grid(alpha=0.3)
    left.set_ylabel(f"second component, {shares[1]:.0%}")
    figure.suptitle(title)
    save_figure(figure, path)


def comparison(answer: dict, path: Path) -> None:
    """Validation over training time, a colour a variant and a line a seed; beside it, the judged split.

    Args:
        answer: as `kerasrnn.comparison.compare` gives it.
    """
    objective, rows = answer["objective"], answer["rows"]
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
    for number, row in enumerate(rows):
        for seed, history in enumerate(row["histories"]):
            times = [report["seconds"] / 60 for report in history]
            values = [report[f"valid_{objective}"] for report in history]
            label = row["name"] if not seed else None
            left.plot(times, values, f"C{number}.-", alpha=0.8, label=label)
        values = [metrics[objective] for metrics in row["metrics"]]
        mean = sum(values) / len(values)
        right.plot([number - 0.3, number + 0.3], [mean, mean], f"C{number}-", lw=2)
        right.plot([number] * len(values), values, f"C{number}o", alpha=0.7)
    words = objective.replace("_", " ")
    left.set(xlabel="minutes of training", ylabel=f"validation {words}")
    left.grid(alpha=0.3)
    first = [report[f"valid_{objective}"] for report in rows[0]["histories"][0]]
    left.legend(frameon=False, loc=_corner(first))
    right.set(ylabel=f"{answer['split']} {words}")
    right.margins(0.15)
    right.grid(alpha=0.3, axis="y")
    right.set_xticks(range(len(rows)), [row["name"] for row in rows])
    figure.suptitle(f"{answer['app']}: the same data, seeds and time")
    save_figure(figure, path)
