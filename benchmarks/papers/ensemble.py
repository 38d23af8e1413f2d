"""Many models that differ by their seed alone, trained side by side as one program."""

from collections.abc import Callable, Sequence

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
        noise: σ of what is added to each weight while a gradient is found, as `kerasrnn train` has it.
        rates: learning rates, one a model; the optimizer's for all unless given.
    """

    def __init__(
        self,
        build: Callable[[], keras.Model],
        seeds,
        optimizer,
        loss,
        noise: float = 0.0,
        rates: Sequence[float] = (),
    ):
        starts, others = [], []
        for seed in seeds:
            keras.utils.set_random_seed(int(seed))
            self.model = build()
            starts.append([w.value for w in self.model.trainable_variables])
            others.append([v.value for v in self.model.non_trainable_variables])
        self.size, self.optimizer, self.loss = len(starts), optimizer, loss
        self.noise, self._key = noise, jax.random.key(0)
        optimizer.build(self.model.trainable_variables)
        self.weights, self.others = stacked(starts), stacked(others)
        self.memory = stacked([[v.value for v in optimizer.variables]] * self.size)
        if len(rates):
            (place,) = (k for k, v in enumerate(optimizer.variables) if v.name == "learning_rate")
            self.memory[place] = jnp.asarray(rates, self.memory[place].dtype)
        self._train = jax.jit(lambda *tree: lax.scan(self._step, tree[:3], tree[3:]))
        self._answer = jax.jit(jax.vmap(self.answer, in_axes=(0, None)))

    def answer(self, weights, x):
        """One model's answers to its batch."""
        frozen = [v.value for v in self.model.non_trainable_variables]
        return self.model.stateless_call(weights, frozen, x)[0]

    def objective(self, weights, others, x, y):
        """One model's loss, with what its layers add; and its other variables after it: the dice."""
        answers, others, added = self.model.stateless_call(
            weights, others, x, training=True, return_losses=True
        )
        return self.loss(y, answers) + sum(added), others

    def update(self, weights, others, memory, key, x, y):
        """One update of one model: its weights, other variables, optimizer's state; the loss before."""
        find = jax.value_and_grad(self.objective, has_aux=True)
        (value, others), gradients = find(self._shaken(weights, key), others, x, y)
        weights, memory = self.optimizer.stateless_apply(memory, gradients, weights)
        return (weights, others, memory), value

    def _shaken(self, weights, key):
        if not self.noise:
            return weights
        keys = jax.random.split(key, len(weights))
        pairs = zip(weights, keys, strict=True)
        return [w + self.noise * jax.random.normal(k, w.shape, w.dtype) for w, k in pairs]

    def _step(self, carry, batch):
        return jax.vmap(self.update)(*carry, *batch)

    def train(self, x, y) -> np.ndarray:
        """Updates on x and y (steps, N, B, …); the losses (steps, N)."""
        carry = (self.weights, self.others, self.memory)
        self._key, key = jax.random.split(self._key)
        keys = jax.random.split(key, np.shape(jax.tree.leaves(y)[0])[:2])
        (self.weights, self.others, self.memory), values = self._train(*carry, keys, x, y)
        return np.asarray(values)

    def predict(self, x):
        """Answers (N, B, …) to x (B, …), the same for all."""
        return jax.tree.map(np.asarray, self._answer(self.weights, x))


def drawn(task: Callable, rng: np.random.Generator, steps: int, size: int, batch: int, *rest):
    """A task's arrays as `Ensemble.train` wants them, each (steps, N, B, …)."""
    arrays = task(rng, steps * size * batch, *rest)
    return [x.reshape(steps, size, batch, *x.shape[1:]) for x in arrays]
