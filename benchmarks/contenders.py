"""What the recurrent layers are measured against, each as a training step and an inference on one batch."""

import argparse
import os

from benchmarks.measure import alternate

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SIZES = ((32, 100, 32, 64), (1, 500, 64, 128), (16, 1000, 16, 32))
SIZES += ((32, 100, 256, 256), (64, 250, 128, 512))
OPTIONS = {"zoneout": {"zoneout": 0.1}, "layer_norm": {"layer_norm": True}}
OPTIONS["recurrent_dropout"] = {"recurrent_dropout": 0.2}


def sizes_of(text: str) -> tuple[tuple[int, ...], ...]:
    """Sizes as they are written on the command line, "32,100,32,64 1,500,64,128"."""
    try:
        found = tuple(tuple(map(int, size.split(","))) for size in text.split())
    except ValueError:
        found = ()
    if not found or any(len(size) != 4 or min(size) < 1 for size in found):
        raise argparse.ArgumentTypeError(
            f"a size must be four numbers of at least 1, B,T,D,H, got {text!r}."
        )
    return found


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


def milliseconds(contenders: dict, what: str, rounds: int) -> dict[str, float]:
    """Median milliseconds of "train" or "infer" of each contender, taking turns."""
    calls = {name: getattr(contender, what) for name, contender in contenders.items()}
    return {name: seconds * 1e3 for name, seconds in alternate(calls, rounds).items()}
