"""How fast the recurrent layers run, against Keras, torch and the arithmetic itself.

    python -m benchmarks.recurrence                         # everything: about half an hour
    python -m benchmarks.recurrence --parts speed --kinds LSTM --sizes 32,100,32,64 --rounds 5

Everything that is compared runs in one process, in turns, after a warm-up; a number is the median
of the rounds. A training step is forward, backward and Adam's update of layer and Dense(1), as
`model.fit` runs it. Keras and ours each count with their best of jit_compile on and off; off is
what `compile()` chooses on CPU. torch's threads sleep while they wait (OMP_WAIT_POLICY), or a busy
machine would stop it altogether.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from statistics import geometric_mean, median

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SIZES = ((32, 100, 32, 64), (1, 500, 64, 128), (16, 1000, 16, 32))
SIZES += ((32, 100, 256, 256), (64, 250, 128, 512))
KINDS = ("LSTM", "GRU", "SimpleRNN")
PARTS = ("speed", "variants", "memory", "compile")
OPTIONS = {"zoneout": {"zoneout": 0.1}, "layer_norm": {"layer_norm": True}}
OPTIONS["recurrent_dropout"] = {"recurrent_dropout": 0.2}
GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}


def layer(who: str, kind: str, units: int, **options):
    """A recurrent layer of `who`: "ours" or "keras"; options are those of our cells."""
    import keras

    from kerasrnn import cells, layers

    if who == "ours" or not options:
        module = layers if who == "ours" else keras.layers
        return getattr(module, kind)(units, return_sequences=True, **options)
    if "recurrent_dropout" in options:
        return getattr(keras.layers, kind)(units, return_sequences=True, **options)
    return keras.layers.RNN(cells.get(kind.lower(), units, **options), return_sequences=True)


class KerasContender:
    """One compiled Keras model on one batch."""

    def __init__(self, who: str, kind: str, size, jit, **options):
        import keras
        import numpy as np

        batch, steps, features, units = size
        recurrent = layer(who, kind, units, **options)
        stack = [keras.Input((steps, features)), recurrent, keras.layers.Dense(1)]
        self.model = keras.Sequential(stack)
        self.model.compile("adam", "mse", jit_compile=jit)
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(batch, steps, features)).astype("float32")
        self.y = rng.normal(size=(batch, steps, 1)).astype("float32")
        self.model.make_train_function()
        self.model.make_predict_function()
        self.data = self.feed = None

    def train(self) -> None:
        import tensorflow as tf

        if self.data is None:
            one = tf.data.Dataset.from_tensors((self.x, self.y)).cache().repeat()
            self.data = iter(one)
        next(iter(self.model.train_function(self.data).values())).numpy()

    def infer(self) -> None:
        import tensorflow as tf

        self.feed = self.feed or [(tf.convert_to_tensor(self.x),)]
        self.model.predict_function(self.feed).numpy()


class TorchContender:
    """The same in torch, with as many threads as the machine has cores."""

    def __init__(self, kind: str, size):
        import torch

        batch, steps, features, units = size
        torch.set_num_threads(os.cpu_count())
        names = {"SimpleRNN": "RNN"}
        self.rnn = getattr(torch.nn, names.get(kind, kind))(features, units, batch_first=True)
        self.head = torch.nn.Linear(units, 1)
        self.adam = torch.optim.Adam([*self.rnn.parameters(), *self.head.parameters()])
        self.x, self.y = torch.randn(batch, steps, features), torch.randn(batch, steps, 1)

    def train(self) -> None:
        self.adam.zero_grad()
        error = self.head(self.rnn(self.x)[0]) - self.y
        loss = (error * error).mean()
        loss.backward()
        self.adam.step()
        loss.item()

    def infer(self) -> None:
        import torch

        with torch.no_grad():
            self.head(self.rnn(self.x)[0]).numpy()


def alternate(contenders: dict, what: str, rounds: int, seconds: float = 0.25) -> dict:
    """Median milliseconds a call of each contender, taking turns."""
    counts, times = {}, {name: [] for name in contenders}
    for name, contender in contenders.items():
        getattr(contender, what)()
        start = time.perf_counter()
        getattr(contender, what)()
        counts[name] = max(1, min(20, int(seconds / (time.perf_counter() - start))))
    for _ in range(rounds):
        for name, contender in contenders.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                getattr(contender, what)()
            times[name].append((time.perf_counter() - start) / counts[name] * 1e3)
    return {name: median(values) for name, values in times.items()}


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


def speed(kinds, sizes, rounds: int) -> list[dict]:
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
            for what in ("train", "infer"):
                ms = alternate(contenders, what, rounds)
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
    rows = []
    for size in sizes:
        plain = KerasContender("ours", "LSTM", size, False)
        for name, options in OPTIONS.items():
            contenders = {
                "plain": plain,
                "ours": KerasContender("ours", "LSTM", size, False, **options),
                "keras": KerasContender("keras", "LSTM", size, False, **options),
                "keras_jit": KerasContender("keras", "LSTM", size, True, **options),
            }
            ms = alternate(contenders, "train", rounds)
            row = {"kind": f"LSTM {name}", "size": size, "what": "train", **ms}
            row["ours/plain"] = ms["ours"] / ms["plain"]
            row["keras/ours"] = min(ms["keras"], ms["keras_jit"]) / ms["ours"]
            rows.append(row)
            print_row(row)
    return rows


def alone(what: str, who: str, kind: str, size) -> float:
    """Run `probe` in a process of its own."""
    words = [what, who, kind, ",".join(map(str, size))]
    command = [sys.executable, "-m", "benchmarks.recurrence", "--probe", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def probe(what: str, who: str, kind: str, size) -> float:
    """Peak MiB of training steps after the first, or seconds of the first."""
    contender = KerasContender(who.removesuffix("_jit"), kind, size, who.endswith("_jit"))
    idle = _status("VmRSS")
    start = time.perf_counter()
    contender.train()
    if what == "compile":
        return time.perf_counter() - start
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the compiler's peak
    for _ in range(3):
        contender.train()
    return _status("VmHWM") - idle


def _status(key: str) -> float:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) / 1024


def memory(kinds, sizes) -> list[dict]:
    rows = []
    for kind in kinds:
        for size in sizes:
            mib = {who: alone("memory", who, kind, size) for who in ("ours", "keras", "keras_jit")}
            row = {"kind": kind, "size": size, "what": "peak MiB", **mib}
            row["ours/keras"] = mib["ours"] / mib["keras"]
            rows.append(row)
            print_row(row)
    return rows


def compiling(kinds) -> list[dict]:
    rows = []
    for kind in kinds:
        size = (16, 1000, 16, 32)
        seconds = {who: alone("compile", who, kind, size) for who in ("ours", "keras_jit")}
        rows.append({"kind": kind, "size": size, "what": "first step s", **seconds})
        print_row(rows[-1])
    return rows


def print_row(row: dict) -> None:
    """One line of the table, on standard error while the rest still runs."""
    numbers = [f"{k} {v:.2f}" for k, v in row.items() if isinstance(v, float)]
    print(f"{row['kind']:24s} {row['size']!s:22s} {row['what']:8s}", *numbers, file=sys.stderr)


def machine() -> dict:
    import keras
    import tensorflow as tf
    import torch

    with open("/proc/cpuinfo") as file:
        model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    versions = {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "torch": torch.__version__,
    }
    return {"cpu": model, "cores": os.cpu_count(), "load": os.getloadavg()[0], **versions}


def summary(rows) -> dict:
    """Geometric means of the ratios over sizes, for each kind."""
    means = {}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        for what in ("train", "infer"):
            ours = [r for r in rows if r["kind"] == kind and r["what"] == what]
            for ratio in ("keras/ours", "torch/ours"):
                if ours and ratio in ours[0]:
                    means[f"{kind} {what} {ratio}"] = geometric_mean(r[ratio] for r in ours)
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
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--sizes", default=" ".join(",".join(map(str, s)) for s in SIZES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--probe", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.probe:
        what, who, kind, size = arguments.probe
        print(probe(what, who, kind, tuple(map(int, size.split(",")))))
        return
    kinds, rounds = arguments.kinds.split(","), arguments.rounds
    sizes = [tuple(map(int, size.split(","))) for size in arguments.sizes.split()]
    parts = {
        "speed": lambda: speed(kinds, sizes, rounds),
        "variants": lambda: variants(sizes, rounds),
        "memory": lambda: memory(kinds, sizes),
        "compile": lambda: compiling(kinds),
    }
    report = {"machine": machine(), "parts": {p: parts[p]() for p in arguments.parts.split(",")}}
    report["means"] = summary(report["parts"].get("speed", []))
    print(json.dumps(report) if arguments.json else table(report))


if __name__ == "__main__":
    main()
