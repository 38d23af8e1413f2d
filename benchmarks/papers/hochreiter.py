"""Hochreiter and Schmidhuber's own experiments: online learning until 2000 answers in a row are right."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.papers.blocks import MemoryBlocksCell, last_output
from benchmarks.papers.ensemble import Ensemble
from kerasrnn.builders import many_to_one

RIGHT_IN_A_ROW = 2000  # sequences
TESTED = 2560  # sequences
CHUNK = 500  # sequences between two looks at who has stopped
KEPT = 0.999  # of the running mean of the weights, a sequence


def descent() -> keras.optimizers.Optimizer:
    """The paper's own rule."""
    return keras.optimizers.SGD(0.5)


@dataclass(frozen=True)
class Experiment:
    """One of the paper's experiments.

    Attributes:
        draw: (rng, n) → x (n, T, D), lengths (n,), targets (n, C).
        features, classes: D and C.
        biases: of the two input gates at the start.
        tolerance: a sequence is right where each output is this close to its target.
        error: training stops below this mean error.
        activation: of the outputs.
        optimizer: makes the rule by which a trial learns.
        averaged: whether a running mean of the weights is tested, in place of the last. A sequence is
            right, then, where both answer it rightly.
    """

    draw: Callable
    features: int
    classes: int
    biases: tuple[float, float]
    tolerance: float
    error: float
    activation: str = "sigmoid"
    optimizer: Callable[[], keras.optimizers.Optimizer] = descent
    averaged: bool = False


@dataclass(frozen=True)
class Trials:
    """What became of N trials.

    Attributes:
        sequences: that each had seen when it stopped; 0 where it did not stop.
        wrong: answers of each to `TESTED` fresh sequences.
        weights: of one network.
    """

    sequences: list[int]
    wrong: list[int]
    weights: int


def half_squares(targets, answers):
    """½ Σ (d - y)² over outputs and sequences."""
    return jnp.sum((targets - answers) ** 2) / 2


def network(experiment: Experiment) -> keras.Model:
    """Two blocks of two cells, and outputs that see the cells alone."""
    return many_to_one(
        MemoryBlocksCell(2, cells=2),
        classes=experiment.classes,
        features=experiment.features,
        masked=True,
        activation=experiment.activation,
    )


def start(weights, experiment: Experiment, rng: np.random.Generator):
    """All weights in ±0.1, and the input gates' biases."""
    w, u, b, *rest = (rng.uniform(-0.1, 0.1, x.shape).astype("float32") for x in weights)
    b[:, :2] = experiment.biases
    return [jnp.asarray(x) for x in (w, u, b, *rest)]


def online(model: keras.Model, weights, x, mask):
    """The model's answer (1, C) to one sequence x (1, T, D), sooner differentiated than by `model` itself."""
    layer, outputs = (model.get_layer(name) for name in ("recurrent_1", "outputs"))
    with keras.StatelessScope(list(zip(model.trainable_variables, weights, strict=True))):
        return outputs(last_output(layer.cell, x[0], mask[0]))


def learner(ensemble: Ensemble, experiment: Experiment):
    """One trial's step: (weights, their running mean, memory, streak, error, seen) and a sequence → the same
    after it.

    `streak` counts the right answers since the last wrong one, `error` is the sum of their errors,
    and `seen` all sequences; nothing changes in a trial that has stopped.
    """

    def step(carry, batch):
        weights, mean, memory, streak, error, seen = carry
        x, y = batch
        stopped = (streak >= RIGHT_IN_A_ROW) & (error < experiment.error * streak)

        def objective(weights):
            answers = online(ensemble.model, weights, *x)
            return half_squares(y, answers), answers

        (loss, answers), gradients = jax.value_and_grad(objective, has_aux=True)(weights)
        right = jnp.all(jnp.abs(answers - y) < experiment.tolerance)
        if experiment.averaged:
            answers = online(ensemble.model, mean, *x)
            right &= jnp.all(jnp.abs(answers - y) < experiment.tolerance)
        weights, memory = ensemble.optimizer.stateless_apply(memory, gradients, weights)
        mean = jax.tree.map(lambda old, new: KEPT * old + (1 - KEPT) * new, mean, weights)
        after = (weights, mean, memory, jnp.where(right, streak + 1, 0))
        after = (*after, jnp.where(right, error + loss, 0.0), seen + 1)
        return jax.tree.map(lambda new, old: jnp.where(stopped, old, new), after, carry)

    return step


def inputs(experiment: Experiment, rng, size: int, count: int):
    """`count` batches of one sequence for each of `size` trials: [x, mask], targets."""
    x, lengths, y = experiment.draw(rng, count * size)
    mask = np.arange(x.shape[1]) < lengths[:, None]
    return jax.tree.map(lambda a: a.reshape(count, size, 1, *a.shape[1:]), ([x, mask], y))


def run_trials(experiment: Experiment, trials: int, most: int, seed: int) -> Trials:
    """Learn until every trial has stopped, or has seen `most` sequences; then test."""
    rng = np.random.default_rng(seed)
    ensemble = Ensemble(
        lambda: network(experiment), range(trials), experiment.optimizer(), half_squares
    )
    weights = start(ensemble.weights, experiment, rng)
    step = jax.vmap(learner(ensemble, experiment))
    chunk = jax.jit(
        lambda carry, batches: lax.scan(lambda c, b: (step(c, b), None), carry, batches)
    )
    zeros = jnp.zeros(trials)
    carry = (weights, weights, ensemble.memory, zeros, zeros, zeros)
    for done in range(0, most, CHUNK):
        carry, _ = chunk(carry, inputs(experiment, rng, trials, CHUNK))
        streak, error, seen = (np.asarray(x) for x in carry[3:])
        stopped = (streak >= RIGHT_IN_A_ROW) & (error < experiment.error * streak)
        print(f"\r{done + CHUNK} sequences, {stopped.sum()} stopped", end="", file=sys.stderr)
        if stopped.all():
            break
    print(file=sys.stderr)
    x, lengths, y = experiment.draw(rng, TESTED)
    mask = np.arange(x.shape[1]) < lengths[:, None]
    answer = jax.jit(jax.vmap(ensemble.answer, in_axes=(0, None)))
    answers = np.asarray(answer(carry[int(experiment.averaged)], [x, mask]))
    wrong = TESTED - np.all(np.abs(answers - y) < experiment.tolerance, axis=-1).sum(axis=-1)
    sequences = np.where(stopped, seen, 0).astype(int).tolist()
    return Trials(sequences, wrong.tolist(), ensemble.model.count_params())
