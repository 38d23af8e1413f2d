"""Hochreiter and Schmidhuber 1997, experiment 6a: in which order came two symbols?"""

import numpy as np

from benchmarks.papers.hochreiter import TESTED, Experiment, run_trials
from benchmarks.papers.result import Result
from kerasrnn.data.tasks import ORDER_SYMBOLS, temporal_order

TRIALS = 20
MOST = 120_000  # sequences
PUBLISHED = 31_390  # sequences, a mean of 20 trials


def draw(rng: np.random.Generator, count: int):
    """Sequences of one-hot symbols (n, 110, 8), their lengths, and one-hot classes (n, 4)."""
    tokens, lengths, classes = temporal_order(rng, count)
    one_hot = np.eye(ORDER_SYMBOLS, dtype=np.float32)
    return one_hot[tokens], lengths, one_hot[classes, :4]


EXPERIMENT = Experiment(
    draw, features=ORDER_SYMBOLS, classes=4, biases=(-2.0, -4.0), tolerance=0.3, error=0.1
)


def run(data: str | None) -> Result:
    trials = run_trials(EXPERIMENT, TRIALS, MOST, seed=0)
    stopped = [n for n in trials.sequences if n]
    mean = sum(stopped) / max(len(stopped), 1)
    pairs = zip(trials.sequences, trials.wrong, strict=True)
    few = sum(n > 0 and wrong <= 3 for n, wrong in pairs)
    return Result(
        published=f"156 weights; {PUBLISHED:,} sequences, 1 wrong of {TESTED:,}; 20 trials",
        ours={
            "weights": trials.weights,
            "stopped": len(stopped),
            "sequences, mean": round(mean),
            "sequences": trials.sequences,
            f"wrong of {TESTED}": trials.wrong,
        },
        seeds=f"{TRIALS}, each its own start and sequences",
        passed=few >= 18 and PUBLISHED / 2 <= mean <= PUBLISHED * 2,
        deviations=(
            "the mean error that must fall below 0.1 is that of ½ Σ (d - y)² since the last wrong answer",
            "activations are 0 before the first step (the authors' later simulator: 0.5)",
            f"a trial that has not stopped after {MOST:,} sequences is given up",
        ),
    )
