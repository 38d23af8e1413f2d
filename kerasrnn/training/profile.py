"""A profile of a few steps, for TensorBoard."""

from pathlib import Path

import keras
import tensorflow as tf

from kerasrnn.notice import tell

WARM = 10  # batches of this process before the profile begins
STEPS = 5  # batches that it shows


class Profile(keras.callbacks.Callback):
    """Writes logs/plugins/profile: what every operation of `STEPS` steps took, behind `WARM` others.

    Args:
        logs: TensorBoard's folder.
    """

    def __init__(self, logs: Path):
        super().__init__()
        self._logs, self._seen, self._on = str(logs), 0, False

    def on_train_batch_begin(self, batch, logs=None):
        if self._seen == WARM:
            tf.profiler.experimental.start(self._logs)
            self._on = True

    def on_train_batch_end(self, batch, logs=None):
        self._seen += 1
        if self._seen == WARM + STEPS:
            self._stop()

    def on_train_end(self, logs=None):
        if self._seen <= WARM:
            tell(f"No profile: it shows what follows {WARM} batches, and there were {self._seen}.")
        self._stop()

    def _stop(self):
        if self._on:
            tf.profiler.experimental.stop()
            self._on = False
