"""Krueger and Memisevic 2015, arXiv:1511.08400: an IRNN's state beyond its training horizon."""

import sys

import keras
import numpy as np
from jax import nn
from jax import numpy as jnp

from benchmarks.papers.ensemble import Ensemble
from benchmarks.papers.help_pages import CHARACTERS, pages, windows
from benchmarks.papers.result import Result
from kerasrnn.builders import many_to_many
from kerasrnn.regularizers import NormStabilizer

HORIZON = 50  # steps of training
BEYOND = 1000  # steps of the test
UNITS = 128
SEEDS = 3
BATCH = 32
UPDATES = 1000
RATE = 1e-4
CHUNK = 250  # updates between two reports
BETA = 500.0
SHARE = 0.95  # of the text, for training


def model(beta: float) -> keras.Model:
    """(B, T) characters → logits (B, T, 128) and states (B, T, H)."""
    sizes = {"units": UNITS, "inputs": "one_hot", "vocabulary": CHARACTERS, "classes": CHARACTERS}
    penalty = NormStabilizer(beta) if beta else None
    whole = many_to_many("irnn", state_regularizer=penalty, **sizes)
    return keras.Model(whole.input, [whole.output, whole.get_layer("irnn_1").output])


def errors(targets, logits):
    """nats of each step."""
    chances = nn.log_softmax(logits)
    return -jnp.take_along_axis(chances, targets[..., None], axis=-1)[..., 0]


def learn(beta: float) -> dict:
    """Norms and nats of each seed, within and beyond the training horizon."""
    characters = pages()
    cut = int(SHARE * len(characters))
    train, test = characters[:cut], characters[cut:]
    optimizer = keras.optimizers.Adam(RATE, global_clipnorm=1.0)

    def loss(targets, answers):
        return jnp.mean(errors(targets, answers[0]))

    ensemble = Ensemble(lambda: model(beta), range(SEEDS), optimizer, loss)
    rng = np.random.default_rng(1)
    for done in range(CHUNK, UPDATES + 1, CHUNK):
        found = ensemble.train(*windows(train, rng, HORIZON, CHUNK, SEEDS, BATCH))
        print(f"β = {beta}, {done} updates: {found[-50:].mean():.3f}", file=sys.stderr)
    x, y = windows(test, np.random.default_rng(0), BEYOND, 16)
    logits, states = ensemble.predict(x)
    norms = np.linalg.norm(states.astype(np.float64), axis=-1).mean(axis=1)  # (N, T)
    nats = np.asarray(errors(jnp.stack([y] * SEEDS), logits)).mean(axis=1)
    return {
        "norm at 50": norms[:, HORIZON - 1],
        f"norm at {BEYOND}": norms[:, -1],
        "nats, steps 26-50": nats[:, HORIZON // 2 : HORIZON].mean(axis=1),
        f"nats, last {HORIZON}": nats[:, -HORIZON:].mean(axis=1),
    }


def short(values) -> list:
    """Three digits of each, and words where there is no number."""
    return [float(f"{v:.3g}") if np.isfinite(v) else "not finite" for v in map(float, values)]


def run(data: str | None) -> Result:
    found = {beta: learn(beta) for beta in (0.0, BETA)}
    growth = {b: f[f"norm at {BEYOND}"] / f["norm at 50"] for b, f in found.items()}
    ours = {f"β = {b:g}: {name}": short(v) for b, f in found.items() for name, v in f.items()}
    exploded = ~np.isfinite(growth[0.0]) | (growth[0.0] > 10)
    return Result(
        published="without the stabiliser norms grow explosively past the 50 steps of training; "
        "with β = 500 they stay",
        ours=ours,
        seeds=f"{SEEDS}, each its own start and data",
        passed=bool(exploded.all() and (growth[BETA] < 2).all()),
        deviations=(
            f"Python's help pages in place of Penn Treebank; {UNITS} units in place of 2048",
            f"{UPDATES:,} updates of batches of {BATCH}, Adam at rate {RATE}, clipped at norm 1",
            f"exploded: more than ten times the norm at step 50 at step {BEYOND}; stays: less than twice",
        ),
    )
