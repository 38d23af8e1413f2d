"""Greff et al. 2017, arXiv:1503.04069: the LSTM's parts taken away one at a time, on JSB Chorales."""

import keras

from benchmarks.papers.polyphony import JSB, incomparable, learn, read
from benchmarks.papers.result import Result

ALIKE = {"vanilla": "peephole_lstm", "coupled gates": "lstm_cifg", "no peepholes": "lstm"}
WORSE = {"no forget gate": "lstm_nfg", "no output activation": "lstm_noaf"}
UNITS = 36
SEEDS = 3
RATE = 1e-2
MOST = 3000  # updates
NEAR = 0.1  # nats


def run(data: str | None) -> Result:
    music = read(data, JSB)
    other = incomparable(music, JSB)
    ours, mean = {"pieces": {split: len(rolls) for split, rolls in music.splits.items()}}, {}
    for name, cell in (ALIKE | WORSE).items():
        optimizer = keras.optimizers.Adam(RATE, global_clipnorm=1.0)
        _, found = learn(cell, UNITS, music, range(SEEDS), optimizer, most=MOST)
        mean[name] = sum(found) / SEEDS
        ours |= {name: found, f"{name}, mean": round(mean[name], 3)}
    alike = [mean[name] for name in ALIKE]
    return Result(
        published="coupled gates and no peepholes are not significantly worse than vanilla; no forget gate "
        "and no output activation are",
        ours=ours,
        seeds=f"{SEEDS}, each its own start and batches",
        passed=None if other else max(alike) - min(alike) <= NEAR,
        deviations=(
            *other,
            f"{UNITS} units, Adam at rate {RATE}, clipped at norm 1, and noise on the weights, in place of 200 "
            "random draws of units, rate, momentum and noise on the inputs",
            f"the test loss is that where the validation loss is least; at most {MOST:,} updates",
        ),
    )
