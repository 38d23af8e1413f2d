"""One training step as `fit` runs it, with what is measured of every one."""

import time

import keras
import tensorflow as tf

from kerasrnn import recurrence
from kerasrnn.training.penalties import NONE, Penalties
from kerasrnn.training.weight_noise import noisy_weights

FIRST = 1  # steps that are not measured: they wait for compilation, and for the pipeline to fill


class Step:
    """A model's training step: takes the next batch, trains on it and looks at what came of it.

    `model.train_function = Step(…)` makes `fit` use it.

    Args:
        model: compiled.
        spec: of a batch, as `dataset.element_spec` gives it: what is traced once for all shapes.
        xla: whether the whole step is one XLA program. cuDNN is then left alone.
        noise: σ of the noise on the weights, and its seed; see `noisy_weights`.
        penalties: what is added to the loss.
        see: takes the signs of every step: float32 (2,), the batch's loss and a number that is finite
            as long as all weights are.
    Attributes:
        waited: s spent waiting for batches, without the first `FIRST`.
        last: s that the last step took, the wait for its batch left out.
    """

    def __init__(
        self,
        model: keras.Model,
        spec,
        *,
        xla: bool = False,
        noise: tuple[float, int] = (0.0, 0),
        penalties: Penalties = NONE,
        see=None,
    ):
        self.model, self.xla, self.see = model, xla, see
        self.noise, self.penalties = noise, penalties
        self.waited, self.last, self._done = 0.0, 0.0, 0
        self._run = tf.function(
            self._replicas, input_signature=[spec], jit_compile=xla or None, autograph=False
        )

    def reset(self, see) -> None:
        """Begin to measure anew, and hand the signs to `see`."""
        self.see, self.waited, self._done = see, 0.0, 0

    def __call__(self, iterator) -> dict:
        begin = time.perf_counter()
        data = next(iterator)
        ready = time.perf_counter()
        logs, signs = self._run(data)
        if self.see is not None:
            self.see(signs)
        self.last = time.perf_counter() - ready
        self._done += 1
        if self._done > FIRST:
            self.waited += ready - begin
        return logs

    def _replicas(self, data):
        strategy = self.model.distribute_strategy
        found = strategy.run(self._one, args=(data,))
        return tf.nest.map_structure(lambda x: strategy.experimental_local_results(x)[0], found)

    def _one(self, data):
        loss = self.model.metrics[0]  # Keras' mean over the epoch: the batch's own is what it adds
        before = [tf.identity(v) for v in (loss.total, loss.count)]
        with recurrence.compiled(self.xla), noisy_weights(self.model, *self.noise):
            logs = self.penalties.train(self.model, data)
        total, count = loss.total - before[0], loss.count - before[1]
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        watched = list(self.model.trainable_variables)
        if optimizer.gradient_accumulation_steps:  # a gradient waits there, and is in no weight yet
            watched += optimizer.variables
        sums = [
            tf.cast(tf.reduce_sum(v.value), tf.float32)
            for v in watched
            if v.value.dtype.is_floating
        ]
        return logs, tf.stack([total / count, tf.add_n(sums)])
