"""How fast the recurrent layers run, against Keras, torch and the arithmetic itself.

    python -m benchmarks.recurrence                         # everything: about half an hour
    python -m benchmarks.recurrence --parts speed --kinds LSTM --sizes 32,100,32,64 --rounds 5

Everything that is compared runs in one process, in turns, after a warm-up; a number is the median
of the rounds. A training step is forward, backward and Adam's update of layer and Dense(1), as
`model.fit` runs it. Keras and ours each count with their best of jit_compile on and off; off is
what `compile()` chooses on CPU. torch's threads wait in a loop for each other: beside other work it
is slowed many times over unless they sleep instead (OMP_WAIT_POLICY=PASSIVE), which slows it as well.
"""

import argparse
import json
import sys
import time
from statistics import geometric_mean
from unittest import mock

from benchmarks import probes
from benchmarks.contenders import (
    OPTIONS,
    SIZES,
    KerasContender,
    TorchContender,
    milliseconds,
    sizes_of,
)
from benchmarks.directions import directions
from benchmarks.measure import machine, names_of

KINDS = ("LSTM", "GRU", "SimpleRNN")
PARTS = ("speed", "variants", "sides", "inside", "unrolled", "directions", "memory", "compile")
WHATS = ("train", "infer")
GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}


def product_rate() -> float:
    """Measured FLOP/s of a large matrix product."""
    import tensorflow as tf

    a, best = tf.random.normal((512, 512)), float("inf")
    for _ in range(300):
        start = time.perf_counter()
        tf.matmul(a, a).numpy()
        best = min(best, time.perf_counter() - start)
    return 2 * 512**3 / best


def floor_ms(kind: str, size, what: str, rate: float) -> float:
    """The products' FLOPs over the rate of a large product, in milliseconds."""
    batch, steps, features, units = size
    deep = 2 * features + 3 * units if what == "train" else features + units
    return 2 * batch * steps * deep * GATES[kind] * units / rate * 1e3


def speed(kinds, sizes, rounds: int, whats) -> list[dict]:
    rate, rows = product_rate(), []
    for kind in kinds:
        for size in sizes:
            contenders = {
                "ours": KerasContender("ours", kind, size, False),
                "ours_jit": KerasContender("ours", kind, size, True),
                "keras": KerasContender("keras", kind, size, False),
                "keras_jit": KerasContender("keras", kind, size, True),
                "torch": TorchContender(kind, size),
            }
            for what in whats:
                ms = milliseconds(contenders, what, rounds)
                row = {"kind": kind, "size": size, "what": what, **ms}
                row["floor"] = floor_ms(kind, size, what, rate)
                ours = min(ms["ours"], ms["ours_jit"])
                row["keras/ours"] = min(ms["keras"], ms["keras_jit"]) / ours
                row["torch/ours"] = ms["torch"] / ours
                row["ours/floor"] = ours / row["floor"]
                rows.append(row)
                print_row(row)
    return rows


def variants(sizes, rounds: int) -> list[dict]:
    """What an option costs us, and what the same cell costs in `keras.layers.RNN`."""
    rows = []
    for size in sizes:
        plain = {
            "plain": KerasContender("ours", "LSTM", size, False),
            "plain_jit": KerasContender("ours", "LSTM", size, True),
        }
        for name, options in OPTIONS.items():
            contenders = {
                **plain,
                "ours": KerasContender("ours", "LSTM", size, False, **options),
                "ours_jit": KerasContender("ours", "LSTM", size, True, **options),
                "keras": KerasContender("keras", "LSTM", size, False, **options),
                "keras_jit": KerasContender("keras", "LSTM", size, True, **options),
            }
            ms = milliseconds(contenders, "train", rounds)
            row = {"kind": f"LSTM {name}", "size": size, "what": "train", **ms}
            best = {who: min(ms[who], ms[f"{who}_jit"]) for who in ("plain", "ours", "keras")}
            row["ours/plain"] = best["ours"] / best["plain"]
            row["keras/ours"] = best["keras"] / best["ours"]
            row["keras/ours, jit off"] = ms["keras"] / ms["ours"]
            rows.append(row)
            print_row(row)
    return rows


def sides(kinds, sizes, rounds: int, whats) -> list[dict]:
    """One loop, and loops side by side over parts of the batch, by whatever the engine's rules say."""
    from kerasrnn.recurrence import tensorflow as engine

    always = {"LEAST_ROWS": 1, "LEAST_PRODUCTS": 0, "MOST_WEIGHTS": sys.maxsize}
    ways = {"one": {"cores": lambda: 1}, "side by side": always}
    return either_way(engine, kinds, sizes, rounds, whats, ways)


def inside(kinds, sizes, rounds: int, whats) -> list[dict]:
    """x W of all steps at once, and step by step, by whatever the engine's rules say."""
    from kerasrnn.recurrence import tensorflow as engine

    always = {"LEAST_INSIDE": 1, "MOST_OUTSIDE": 0}
    never = {"MOST_OUTSIDE": sys.maxsize, "LEAST_NARROW": sys.maxsize}
    ways = {"at once": never, "step by step": always}
    return either_way(engine, kinds, sizes, rounds, whats, ways)


def unrolled(kinds, sizes, rounds: int, whats) -> list[dict]:
    """One step in a turn of the loop, and four."""
    from kerasrnn.recurrence import tensorflow_scan

    ways = {"one step": {"UNROLLED": 1}, "four steps": {"UNROLLED": 4}}
    return either_way(tensorflow_scan, kinds, sizes, rounds, whats, ways)


def either_way(module, kinds, sizes, rounds: int, whats, ways: dict[str, dict]) -> list[dict]:
    """Our layers with each of two sets of a module's rules, by its name."""
    rows, (one, other) = [], ways
    for kind in kinds:
        for size in sizes:
            contenders = {}
            for name, rules in ways.items():
                with mock.patch.multiple(module, **rules):
                    contenders[name] = KerasContender("ours", kind, size, False)
                    for what in whats:  # makes the graph
                        getattr(contenders[name], what)()
            for what in whats:
                ms = milliseconds(contenders, what, rounds)
                row = {"kind": kind, "size": size, "what": what, **ms}
                rows.append(row | {f"{one}/{other}": ms[one] / ms[other]})
                print_row(rows[-1])
    return rows


def memory(kinds, sizes) -> list[dict]:
    """Peak MiB of a training step beyond that of a batch of one sequence of two steps.

    What the second takes is the compiler's and the program's own, whatever the batch.
    """
    rows = []
    for kind in kinds:
        for size in sizes:
            row, least = {"kind": kind, "size": size, "what": "peak MiB"}, (1, 2, *size[2:])
            for who in ("ours", "keras", "ours_jit", "keras_jit"):
                row[who] = probes.alone("memory", who, kind, size)
                row[f"{who} least"] = probes.alone("memory", who, kind, least)
                row[who] -= row[f"{who} least"]
            row["ours/keras"] = row["ours"] / row["keras"]
            row["ours_jit/keras_jit"] = row["ours_jit"] / row["keras_jit"]
            rows.append(row)
            print_row(row)
    return rows


def compiling(kinds) -> list[dict]:
    rows = []
    for kind in kinds:
        size = (16, 1000, 16, 32)
        seconds = {who: probes.alone("compile", who, kind, size) for who in ("ours", "keras_jit")}
        rows.append({"kind": kind, "size": size, "what": "first step s", **seconds})
        print_row(rows[-1])
    return rows


def print_row(row: dict) -> None:
    """One line of the table, on standard error while the rest still runs."""
    numbers = [f"{k} {v:.2f}" for k, v in row.items() if isinstance(v, float)]
    print(f"{row['kind']:24s} {row['size']!s:22s} {row['what']:8s}", *numbers, file=sys.stderr)


def summary(rows) -> dict:
    """Geometric means of the ratios over sizes, for each kind."""
    means = {}
    for kind, what in dict.fromkeys((row["kind"], row["what"]) for row in rows):
        ours = [row for row in rows if (row["kind"], row["what"]) == (kind, what)]
        for ratio in [key for key in ours[0] if "/" in key]:
            means[f"{kind} {what} {ratio}"] = geometric_mean(row[ratio] for row in ours)
    return means


def table(report: dict) -> str:
    """Markdown."""
    lines = [", ".join(f"{k} {v}" for k, v in report["machine"].items())]
    for part, rows in report["parts"].items():
        keys = list(rows[0])
        lines += ["", f"**{part}**", "", "| " + " | ".join(keys) + " |", "|---" * len(keys) + "|"]
        for row in rows:
            cells = [f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"- {k}: {v:.2f} (geometric mean)" for k, v in report["means"].items())]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=names_of(PARTS), default=",".join(PARTS))
    parser.add_argument("--kinds", type=names_of(KINDS), default=",".join(KINDS))
    parser.add_argument("--sizes", type=sizes_of, default=SIZES, help="B,T,D,H of each")
    parser.add_argument(
        "--what",
        type=names_of(WHATS),
        default=",".join(WHATS),
        help="but for variants, memory, compile",
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--probe", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.probe:
        what, who, kind, size = arguments.probe
        print(probes.probe(what, who, kind, tuple(map(int, size.split(",")))))
        return
    kinds, sizes, rounds, whats = (
        arguments.kinds,
        arguments.sizes,
        arguments.rounds,
        arguments.what,
    )
    parts = {
        "speed": lambda: speed(kinds, sizes, rounds, whats),
        "variants": lambda: variants(sizes, rounds),
        "sides": lambda: sides(kinds, sizes, rounds, whats),
        "inside": lambda: inside(kinds, sizes, rounds, whats),
        "unrolled": lambda: unrolled(kinds, sizes, rounds, whats),
        "directions": lambda: directions(kinds, sizes, rounds, whats),
        "memory": lambda: memory(kinds, sizes),
        "compile": lambda: compiling(kinds),
    }
    on = machine("tensorflow", "keras", "torch")
    report = {"machine": on, "parts": {p: parts[p]() for p in arguments.parts}}
    timed = [rows for part, rows in report["parts"].items() if part not in ("memory", "compile")]
    report["means"] = {name: mean for rows in timed for name, mean in summary(rows).items()}
    print(json.dumps(report) if arguments.json else table(report))


if __name__ == "__main__":
    main()
