"""Chung et al. 2014, arXiv:1412.3555, table 2: gated networks and tanh on polyphonic music."""

import keras
import numpy as np

from benchmarks.papers.polyphony import BATCH, incomparable, learn, read
from benchmarks.papers.result import Result

UNITS = {"tanh": ("simple_rnn", 100), "GRU": ("gru", 46), "LSTM": ("lstm", 36)}
SEEDS = 3
TRIED = 10  # learning rates, of which each network gets the one that validates best
LOGARITHMS = (-12.0, -6.0)  # ln of the least and the highest of them
TRIAL, MOST = 1500, 3000  # updates, of each rate and of what is judged
NEAR = 0.25  # nats


def compare(
    data: str | None, files: tuple[str, ...], published: dict[str, float], worst: str | None = None
) -> Result:
    """The three networks on one of `files`, or on other pieces; one may have to be the worst."""
    music = read(data, files)
    other = incomparable(music, files)
    ours, mean = {"pieces": {split: len(rolls) for split, rolls in music.splits.items()}}, {}
    rates = np.exp(np.random.default_rng(0).uniform(*LOGARITHMS, TRIED))
    for name, (cell, units) in UNITS.items():
        tried, _ = learn(cell, units, music, range(TRIED), optimizer(), most=TRIAL, rates=rates)
        rate = rates[np.argmin(tried)]
        _, found = learn(cell, units, music, range(SEEDS), optimizer(rate), most=MOST)
        mean[name] = sum(found) / SEEDS
        ours |= {f"{name}-{units}": found, f"{name}-{units}, mean": round(mean[name], 3)}
        ours[f"{name}-{units}: rate"] = round(float(rate), 6)
    right = worst in (None, max(mean, key=mean.get)) and all(
        abs(mean[name] - nats) <= NEAR for name, nats in published.items()
    )
    numbers = " / ".join(f"{nats:.2f}" for nats in published.values())
    return Result(
        published=f"test nats a step, tanh-100 / GRU-46 / LSTM-36: {numbers}",
        ours=ours,
        seeds=f"{SEEDS}, each its own start and batches",
        passed=None if other else right,
        deviations=(
            *other,
            f"at most {MOST:,} updates of batches of {BATCH}, {TRIAL:,} to choose the rate by; the test loss "
            "is that where the validation loss is least",
        ),
    )


def optimizer(rate: float = 1e-3) -> keras.optimizers.Optimizer:
    """The paper's."""
    return keras.optimizers.RMSprop(float(rate), global_clipnorm=1.0)
