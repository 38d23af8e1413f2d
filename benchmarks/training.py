"""A training step of every app's `small`, with XLA around all of it and without, and what its data costs.

    python -m benchmarks.training [--apps whale,char_lm] [--preset small] [--seconds 1.5]

`auto` is what `--jit auto` chooses, by a measurement of its own, and `auto/better` its step time beside
the better of the two as measured here: 1.05 at most is aimed at. `waiting` is the share of the training
time in which the step waits for its batch, as metrics.json has it: 10 % at most is aimed at; `in all` what
the pipeline costs beside the same batches lying ready in memory, which counts what it takes from the
processor as well.
Each app reads its embedded default.
"""

import argparse
import json
import math
import sys
import time

import keras
import tensorflow as tf

from benchmarks.measure import machine
from kerasrnn.app import app_names, find_app
from kerasrnn.training import jit
from kerasrnn.training.step import Step

ROUNDS = 5  # with the pipeline and without it in turns; the least of each counts


def measured(name: str, preset: str, seconds: float) -> dict:
    """One app's row."""
    app = find_app(name)
    config, data = app.preset(preset), app.file("data")
    source = data.open_source(None, config)
    assets = data.prepare(source, config)
    keras.utils.set_random_seed(0)
    batches = data.batches(source, config, "train", assets, seed=0)
    model = app.build(config, assets)
    spec = batches.endless().element_spec
    steps = {xla: Step(model, spec, xla=xla) for xla in (False, True)}
    auto, why, compiling = jit.choose(model, batches, steps, lambda step: math.inf)
    print(f"{name}: {why}", file=sys.stderr)
    row = {"app": name}
    if jit.compilable(model):
        times = jit.Times(model, batches, steps, jit.SPREAD)
        times.measure(jit.ROUNDS)
        off, on = times.best(False), times.best(True)
        row |= {"off, ms": 1e3 * off, "on, ms": 1e3 * on, "compiled, s": compiling}
        row |= {"auto": "on" if auto else "off"}
        row |= {"auto/better": (on if auto else off) / min(on, off)}
    return row | pipeline(model, batches, steps[auto], seconds)


def pipeline(model, batches, step: Step, seconds: float) -> dict:
    """What the batches cost, in per cent of the step time."""
    iterator, times = iter(batches.endless()), []
    for _ in range(4):
        step(iterator)
        times.append(step.last)
    count = max(4, min(batches.count, round(seconds / min(times))))
    data = batches.endless().take(count)
    ready = [tuple(batch) for batch in data]  # in memory
    for batch in ready:  # every shape is compiled
        step(iter([batch]))
    rounds = [[spent(step, iter(x), count) for x in (data, ready)] for _ in range(ROUNDS)]
    fed, alone = zip(*rounds, strict=True)
    total, waited = min(fed)
    return {
        "waiting, %": 100 * waited / total,
        "in all, %": max(0.0, 100 * (1 - min(alone)[0] / total)),
    }


def spent(step: Step, iterator, count: int) -> tuple[float, float]:
    """Seconds of `count` steps without the first, and how many of them it waited for batches."""
    step.reset(lambda signs: signs.numpy())
    step(iterator)
    begin = time.perf_counter()
    for _ in range(count - 1):
        step(iterator)
    return time.perf_counter() - begin, step.waited


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--apps", default=",".join(app_names()))
    parser.add_argument("--preset", default="small")
    parser.add_argument(
        "--seconds", type=float, default=1.5, help="of a round that measures the pipeline"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.apps.split(","):
        rows.append(measured(name, arguments.preset, arguments.seconds))
        print(rows[-1], file=sys.stderr, flush=True)
        keras.backend.clear_session()
    here = machine("tensorflow", "keras")
    here["device"] = str(len(tf.config.list_physical_devices("GPU"))) + " GPUs"
    if arguments.json:
        print(json.dumps({"machine": here, "rows": rows}))
        return
    print(", ".join(f"{key} {value}" for key, value in here.items()), end="\n\n")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for row in rows:
        print("| " + " | ".join(shown(row.get(column, "")) for column in columns) + " |")


def shown(value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
