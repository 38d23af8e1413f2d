"""How fast the recurrent layers run on a GPU with the JAX backend, against cuDNN.

    python -m benchmarks.recurrence_gpu         # needs keras, torch and jax[cuda12]; no TensorFlow
    python -m benchmarks.recurrence_gpu --sizes 32,100,256,256 --json

Everything runs in one process, in turns, after a warm-up, with float32 products (no TF32); a number is
the median of the rounds. A training step is forward, backward and a step of plain gradient descent.
`ours` is what `plan` chooses, `kernel` the route of that name where it can run, and the rest are `ours`
or `kernel` with an option. Without a GPU the same contenders run on the CPU, except the kernels and
jax.experimental.rnn, which is cuDNN alone. The programs are compiled side by side.
"""

import argparse
import contextlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import torch
from jax.experimental import rnn

from benchmarks.contenders import OPTIONS, SIZES, TorchContender, milliseconds, sizes_of
from benchmarks.recurrence import print_row
from kerasrnn import layers

RATE = 1e-3  # of the descent


class JaxContender:
    """A compiled step on weights, a pytree, and a function (weights, x) → (B, T, H)."""

    def __init__(self, weights, outputs, size):
        batch, steps, features, units = size
        keys = jax.random.split(jax.random.key(0), 3)
        self.x = jax.random.normal(keys[0], (batch, steps, features))
        self.y = jax.random.normal(keys[1], (batch, steps, 1))
        self.weights = weights, jax.random.normal(keys[2], (units, 1)) / units

        def loss(weights, x, y):
            return ((outputs(weights[0], x) @ weights[1] - y) ** 2).mean()

        def step(weights, x, y):
            gradients = jax.grad(loss)(weights, x, y)
            return jax.tree.map(lambda w, g: w - RATE * g, weights, gradients)

        self.step = jax.jit(step)
        self.forward = jax.jit(lambda weights, x: outputs(weights[0], x) @ weights[1])

    def train(self) -> None:
        self.weights = jax.block_until_ready(self.step(self.weights, self.x, self.y))

    def infer(self) -> None:
        jax.block_until_ready(self.forward(self.weights, self.x))


def ours(size, **options) -> JaxContender:
    """Our LSTM."""
    batch, steps, features, units = size
    layer = layers.LSTM(units, return_sequences=True, **options)
    layer.build((batch, steps, features))
    states = [v.value for v in layer.non_trainable_variables]

    def outputs(weights, x):
        return layer.stateless_call(weights, states, x, training=True)[0]

    return JaxContender([v.value for v in layer.trainable_variables], outputs, size)


def cudnn(size) -> JaxContender:
    """cuDNN's LSTM through `jax.experimental.rnn`."""
    batch, _, features, units = size
    zeros = jax.numpy.zeros((1, batch, units))

    def outputs(weights, x):
        lengths = jax.numpy.full((batch,), x.shape[1], jax.numpy.int32)
        shape = {"input_size": features, "hidden_size": units, "num_layers": 1}
        return rnn.lstm(
            x, zeros, zeros, weights, lengths, dropout=0.0, bidirectional=False, **shape
        )[0]

    weights = rnn.init_lstm_weight(jax.random.key(1), features, units, 1, bidirectional=False)
    return JaxContender(weights, outputs, size)


class TorchGpu(TorchContender):
    """torch.nn.LSTM on the GPU, which is cuDNN's."""

    def __init__(self, size):
        super().__init__("LSTM", size)
        if torch.cuda.is_available():
            self.rnn, self.head = self.rnn.cuda(), self.head.cuda()
            self.x, self.y = self.x.cuda(), self.y.cuda()
        weights = [*self.rnn.parameters(), *self.head.parameters()]
        self.adam = torch.optim.SGD(weights, lr=RATE)

    def infer(self) -> None:
        with torch.no_grad():
            self.head(self.rnn(self.x)[0]).cpu()


def contenders_of(size) -> dict:
    """By name; torch's are the only ones that need no compiler."""
    found = {"ours": ours(size), "torch": TorchGpu(size)}
    found |= {name: ours(size, **options) for name, options in OPTIONS.items()}
    with contextlib.suppress(ValueError):  # where there is no kernel for it
        layers.LSTM(size[-1], route="kernel").plan(size[:3])
        found["kernel"] = ours(size, route="kernel")
        for name, options in OPTIONS.items():
            found[f"kernel {name}"] = ours(size, route="kernel", **options)
    if jax.default_backend() == "gpu":
        found["cudnn"] = cudnn(size)
    return found


def speed(sizes, rounds: int) -> list[dict]:
    every = {size: contenders_of(size) for size in sizes}
    with ThreadPoolExecutor() as pool:
        first = [c for some in every.values() for c in some.values() if isinstance(c, JaxContender)]
        print(f"compiling {2 * len(first)} programs", file=sys.stderr)
        calls = [call for contender in first for call in (contender.train, contender.infer)]
        list(pool.map(lambda call: call(), calls))
    rows = []
    for size, contenders in every.items():
        for what in ("train", "infer"):
            ms = milliseconds(contenders, what, rounds)
            best = min(ms.get("cudnn", ms["torch"]), ms["torch"])
            row = {"size": size, "what": what, **ms}
            row |= {
                f"best/{name}": best / ms[name] for name in ms if name not in ("torch", "cudnn")
            }
            rows.append(row)
            print_row({"kind": "LSTM", **row})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=sizes_of, default=SIZES, help="B,T,D,H of each")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    jax.config.update("jax_default_matmul_precision", "highest")
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    if jax.default_backend() != "gpu":
        print(
            "no GPU is visible to JAX: this is the CPU, and says nothing of cuDNN", file=sys.stderr
        )
    versions = {"jax": jax.__version__, "keras": keras.__version__, "torch": torch.__version__}
    report = {
        "device": str(jax.devices()[0]),
        **versions,
        "rows": speed(arguments.sizes, arguments.rounds),
    }
    if arguments.json:
        print(json.dumps(report))
        return
    rows = report.pop("rows")
    print(", ".join(f"{key} {value}" for key, value in report.items()), "\n")
    names = list(dict.fromkeys(name for row in rows for name in row))
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|")
    for row in rows:
        values = (row.get(name, "") for name in names)
        cells = (f"{v:.2f}" if isinstance(v, float) else str(v) for v in values)
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
