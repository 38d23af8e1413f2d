"""Krueger et al. 2017, arXiv:1606.01305, section 4.1: an LSTM of characters, with and without zoneout."""

import math
import sys
import time

import keras
import numpy as np
from jax import nn
from jax import numpy as jnp

from benchmarks.papers.ensemble import Ensemble
from benchmarks.papers.help_pages import CHARACTERS, pages, windows
from benchmarks.papers.result import Result
from kerasrnn.builders import many_to_many

UNITS = 128
EMBEDDING = 32
STEPS = 50
BATCH = 32
SEEDS = 3
RATE = 5e-3
UPDATES = 1000
CHUNK = 50  # updates between two looks at the validation text
BLOCK = 2000  # characters; of ten in turn eight are to train on, one to validate, one to test
TRAIN, HELD_OUT = 10_000, 20_000  # characters
# name → the cell's options; the published rates
NETWORKS = {
    "none": {},
    "dropout": {"update_dropout": 0.25},
    "zoneout": {"zoneout": (0.05, 0.5)},  # of h and of c
}


def split() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The texts to train on, to validate and to test."""
    text = pages()
    turn = np.arange(len(text)) // BLOCK % 10
    sides = ((turn < 8, TRAIN), (turn == 8, HELD_OUT), (turn == 9, HELD_OUT))
    return tuple(text[side][:size] for side, size in sides)


def cross_entropy(targets, logits):
    """nats a character."""
    chances = nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(chances, targets[..., None], axis=-1))


def model(cell_options: dict) -> keras.Model:
    return many_to_many(
        "lstm",
        units=UNITS,
        classes=CHARACTERS,
        inputs="embedding",
        vocabulary=CHARACTERS,
        embedding_size=EMBEDDING,
        steps=STEPS,
        cell_options=cell_options,
    )


def bits(ensemble: Ensemble, text: np.ndarray) -> np.ndarray:
    """Bits a character of each model, windows of `STEPS` apart."""
    count = (len(text) - 1) // STEPS
    x, y = (text[k : k + count * STEPS].reshape(count, STEPS) for k in (0, 1))
    logits = ensemble.predict(x)
    return np.array([float(cross_entropy(y, one)) for one in logits]) / math.log(2)


def learn(name: str, train, valid, test, seeds, updates: int) -> tuple[np.ndarray, np.ndarray]:
    """Test bits of each model where its validation bits were least; and how many updates that took."""
    optimizer = keras.optimizers.Adam(RATE, global_clipnorm=1.0)
    ensemble = Ensemble(lambda: model(NETWORKS[name]), seeds, optimizer, cross_entropy)
    rng = np.random.default_rng(1)
    best, found, when = (np.full(len(seeds), value) for value in (np.inf, np.inf, 0))
    begin = time.time()
    for done in range(CHUNK, updates + 1, CHUNK):
        x, y = windows(train, rng, STEPS, CHUNK, len(seeds), BATCH)
        loss = ensemble.train(x, y).mean() / math.log(2)
        seen, judged = bits(ensemble, valid), bits(ensemble, test)
        better = seen < best
        best, found, when = (
            np.where(better, new, old) for new, old in ((seen, best), (judged, found), (done, when))
        )
        line = f"{name} {done} updates, {time.time() - begin:.0f} s: {loss:.3f}, valid"
        print(line, *seen.round(3), file=sys.stderr)
    return found, when


def run(data: str | None) -> Result:
    texts = split()
    ours, mean = {}, {}
    for name in NETWORKS:
        found, when = learn(name, *texts, range(SEEDS), UPDATES)
        mean[name] = found.mean()
        ours[f"{name}: bits"] = found.round(3).tolist()
        ours[f"{name}: bits, mean"] = round(float(mean[name]), 3)
        ours[f"{name}: updates"] = when.tolist()
    return Result(
        published="Penn Treebank, test bits a character: none 1.356, recurrent dropout 1.286, zoneout 1.252",
        ours=ours,
        seeds=f"{SEEDS}, each its own start and data",
        passed=bool(mean["zoneout"] < mean["dropout"] < mean["none"]),
        deviations=(
            f"Python's help pages, {TRAIN:,} characters to train on, in place of Penn Treebank's 5 million; "
            f"an embedding of {EMBEDDING} and {UNITS} units in place of one-hot and 1000",
            f"{UPDATES:,} updates of windows drawn at random; the test loss is that where the validation "
            f"loss, looked at every {CHUNK} updates, is least",
            "dropout is recurrent dropout without memory loss, 0.25 of what a step writes; zoneout 0.05 of "
            "h and 0.5 of c: the published rates",
        ),
    )
