"""Polyphonic music: which keys sound at the next step? Cells of one task, and what they reach."""

import sys
import time
from pathlib import Path

import keras
import numpy as np
from jax import nn
from jax import numpy as jnp

from benchmarks.papers.ensemble import Ensemble
from kerasrnn.builders import many_to_many
from kerasrnn.data.music import KEYS, Music, open_music

# the same 382 chorales, as the papers have them and as chords
JSB = ("JSB_Chorales.mat", "jsb-chorales-quarter.json")
NOTTINGHAM = ("Nottingham.mat",)
WINDOW = 100  # steps; longer pieces are cut to train
BATCH = 16
CHUNK = 50  # updates between two looks at the validation pieces
NOISE = 0.075  # σ of the weights' noise; Graves 2011, "Practical variational inference"
PATIENCE = 8  # looks without a better one, after which training ends


def read(data: str | None, files: tuple[str, ...]) -> Music:
    """The piano rolls of `data`: itself, or the first of `files` that is in it; music21's chorales without."""
    inside = [Path(data, file) for file in files] if data else []
    return open_music(next((file for file in inside if file.exists()), data))


def incomparable(music: Music, files: tuple[str, ...]) -> tuple[str, ...]:
    """Why a number that was published for `files` is none for this music, as a deviation; () if it is."""
    given = Path(music.name)
    if given.name.lower() in map(str.lower, files):
        return ()
    if given.suffix.lower() in (".mat", ".json"):
        return (f"not comparable: {given.name}",)
    return (f"not comparable: {music.name}, a step a quarter note",)


def padded(pieces) -> tuple[np.ndarray, np.ndarray]:
    """x (N, T, 88), and y (N, T, 88), the same a step later, -1 past a piece's end."""
    longest = max(map(len, pieces)) - 1
    x = np.zeros((len(pieces), longest, KEYS), np.float32)
    y = np.full_like(x, -1)
    for n, piece in enumerate(pieces):
        x[n, : len(piece) - 1], y[n, : len(piece) - 1] = piece[:-1], piece[1:]
    return x, y


def cut(pieces) -> list[np.ndarray]:
    """Pieces of at most `WINDOW` + 1 steps; each next begins with the step where the last one ends."""
    starts = ((piece, k) for piece in pieces for k in range(0, len(piece) - 1, WINDOW))
    return [piece[k : k + WINDOW + 1] for piece, k in starts]


def nats(targets, logits):
    """-ln p of all 88 keys, a mean over the steps that are there."""
    there = jnp.all(targets >= 0, axis=-1)
    each = nn.softplus(logits) - targets * logits  # of a key that sounds or not
    return jnp.sum(jnp.sum(each, axis=-1) * there) / jnp.sum(there)


def network(cell: str, units: int) -> keras.Model:
    return many_to_many(cell, units=units, classes=KEYS, features=KEYS)


def learn(cell: str, units: int, music: Music, seeds, optimizer, *, most: int, rates=()):
    """(Validation nats, test nats) a step of each model, where the former were least: two lists.

    Args:
        seeds: one a model.
        most: updates.
        rates: as `Ensemble` has them.
    """
    x, y = padded(cut(music.splits["train"]))
    valid, test = (padded(music.splits[split]) for split in ("valid", "test"))
    ensemble = Ensemble(lambda: network(cell, units), seeds, optimizer, nats, NOISE, rates)
    rng = np.random.default_rng(1)
    size = len(seeds)
    best, found, late = np.full(size, np.inf), np.full(size, np.inf), 0
    begin = time.time()
    for done in range(CHUNK, most + 1, CHUNK):
        rows = rng.integers(0, len(x), (CHUNK, size, BATCH))
        loss = ensemble.train(x[rows], y[rows]).mean()
        seen, judged = (judge(ensemble, *part) for part in (valid, test))
        better = seen < best
        late = 0 if better.any() else late + 1
        best, found = np.where(better, seen, best), np.where(better, judged, found)
        line = f"{cell}-{units} {done} updates, {time.time() - begin:.0f} s: {loss:.2f}, valid"
        print(line, *seen.round(3), file=sys.stderr)
        if late == PATIENCE:
            break
    return [[round(float(n), 3) for n in nats] for nats in (best, found)]


def judge(ensemble: Ensemble, x, y) -> np.ndarray:
    """Nats a step of each model, whole pieces."""
    return np.array([float(nats(y, logits)) for logits in ensemble.predict(x)])
