"""Many models that differ by their seed alone, trained side by side as one program."""

from collections.abc import Callable

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp


def stacked(trees):
    """Arrays of equal shapes, one list a model, as a list of arrays (N, …)."""
    return [jnp.stack([jnp.asarray(x) for x in leaves]) for leaves in zip(*trees, strict=True)]


class Ensemble:
    """N models of one build, each with its own start, data and optimizer state.

    Args:
        build: makes an uncompiled model; called once a seed.
        seeds: one a model.
        optimizer: a Keras optimizer, which each model has for itself.
        loss: (targets, answers) of one model's batch → a scalar.
    """

    def __init__(self, build: Callable[[], keras.Model], seeds, optimizer, loss):
        starts = []
        for seed in seeds:
            keras.utils.set_random_seed(int(seed))
            self.model = build()
            starts.append([w.value for w in self.model.trainable_variables])
        self.size, self.optimizer, self.loss = len(starts), optimizer, loss
        optimizer.build(self.model.trainable_variables)
        self.weights = stacked(starts)
        self.memory = stacked([[v.value for v in optimizer.variables]] * self.size)
        self._train = jax.jit(lambda *tree: lax.scan(self._step, tree[:2], tree[2:]))
        self._answer = jax.jit(jax.vmap(self.answer, in_axes=(0, None)))

    def answer(self, weights, x, training=False):
        """One model's answers to its batch."""
        frozen = [v.value for v in self.model.non_trainable_variables]
        return self.model.stateless_call(weights, frozen, x, training=training)[0]

    def objective(self, weights, x, y):
        """One model's loss, with what its layers add."""
        frozen = [v.value for v in self.model.non_trainable_variables]
        answers, _, added = self.model.stateless_call(
            weights, frozen, x, training=True, return_losses=True
        )
        return self.loss(y, answers) + sum(added)

    def update(self, weights, memory, x, y):
        """One update of one model: its weights, its optimizer's state, and the loss before."""
        value, gradients = jax.value_and_grad(self.objective)(weights, x, y)
        return *self.optimizer.stateless_apply(memory, gradients, weights), value

    def _step(self, carry, batch):
        weights, memory, value = jax.vmap(self.update)(*carry, *batch)
        return (weights, memory), value

    def train(self, x, y) -> np.ndarray:
        """Updates on x and y (steps, N, B, …); the losses (steps, N)."""
        (self.weights, self.memory), values = self._train(self.weights, self.memory, x, y)
        return np.asarray(values)

    def predict(self, x):
        """Answers (N, B, …) to x (B, …), the same for all."""
        return jax.tree.map(np.asarray, self._answer(self.weights, x))


def drawn(task: Callable, rng: np.random.Generator, steps: int, size: int, batch: int, *rest):
    """A task's arrays as `Ensemble.train` wants them, each (steps, N, B, …)."""
    arrays = task(rng, steps * size * batch, *rest)
    return [x.reshape(steps, size, batch, *x.shape[1:]) for x in arrays]
