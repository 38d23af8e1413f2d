"""How far a training has come, and the learning rate that belongs there."""

import math
import time

import keras


def learning_rate(config, progress: float) -> float:
    """The rate at `progress` (0 at the start, 1 at the end): a rise, then the configured decay.

    Args:
        config: has `learning_rate` (the highest), `warmup` (share of the training spent rising) and `decay`
            ("constant", "linear" or "cosine").
    """
    if progress < config.warmup:
        return config.learning_rate * max(progress / config.warmup, 1e-2)
    rest = min((progress - config.warmup) / (1 - config.warmup), 1.0)
    share = {
        "constant": 1.0,
        "linear": 1 - rest,
        "cosine": (1 + math.cos(math.pi * rest)) / 2,
    }[config.decay]
    # never quite zero: the last steps still average out the noise of the ones before
    return config.learning_rate * max(share, 1e-3)


class Pace(keras.callbacks.Callback):
    """Sets the learning rate by progress and ends the training at its last step or minute.

    Progress is the larger of steps done over `total_steps` and time spent over `max_seconds`. The clock runs
    while batches are trained on: not during start-up, compilation (the first batch) or judging.

    Args:
        total_steps: steps of the whole training, or None where only the time ends it.
        max_seconds: or None where only the steps end it.
        step, elapsed: where an earlier process left off.
    """

    def __init__(self, config, total_steps, max_seconds, step: int = 0, elapsed: float = 0.0):
        super().__init__()
        self.config = config
        self.total_steps = total_steps
        self.max_seconds = max_seconds
        self.step = step
        self.elapsed = elapsed
        self._since = None
        self._warm = False

    @property
    def progress(self) -> float:
        by_steps = self.step / self.total_steps if self.total_steps else 0.0
        by_time = self.elapsed / self.max_seconds if self.max_seconds else 0.0
        return max(by_steps, by_time)

    def ahead(self, step: float) -> float:
        """Seconds of training left, where one step takes `step`; infinity for not known yet."""
        by_time = self.max_seconds - self.elapsed if self.max_seconds else math.inf
        by_steps = step * (self.total_steps - self.step) if self.total_steps else math.inf
        return min(by_time, by_steps)

    def on_epoch_begin(self, epoch, logs=None):
        self._since = time.perf_counter()

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = learning_rate(self.config, self.progress)

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if self._warm:
            self._pass(now - self._since)
        self._warm = True
        self._since = now
        self.step += 1
        if self.progress >= 1:
            self.model.stop_training = True

    def _pass(self, seconds: float) -> None:
        """So much of the training is over."""
        self.elapsed += seconds
