"""A callback that looks into the recurrent layers while they learn."""

from pathlib import Path

import keras
import tensorflow as tf

from kerasrnn.training.flow import gradient_flow


class Diagnosis(keras.callbacks.Callback):
    """Writes what `gradient_flow` finds to TensorBoard, after an epoch.

    For each layer: scalars, as `Flow.summary` names them, and the distributions of the Jacobians'
    largest singular values and of each gate's saturated shares over the units.

    Args:
        batch: x, (x, y) or (x, y, weights): a few rows, the same each time.
        folder: where TensorBoard reads its events.
        every: epochs from one look to the next; the first look is after the first.
    Raises:
        ValueError: if `every` is not positive.
    """

    def __init__(self, batch, folder: str | Path, every: int = 1):
        if every < 1:
            raise ValueError(f"`every` must be at least 1 epoch, got {every}.")
        super().__init__()
        self.batch, self.every = batch, every
        self.writer = tf.summary.create_file_writer(str(folder))

    def on_epoch_end(self, epoch, logs=None):
        if epoch % self.every:
            return
        flows = gradient_flow(self.model, self.batch)
        with self.writer.as_default(epoch):
            for layer, flow in flows.items():
                for name, value in flow.summary().items():
                    tf.summary.scalar(f"{layer}/{name}", value)
                tf.summary.histogram(f"{layer}/largest", flow.largest[flow.counted])
                for gate, shares in flow.gates.items():
                    for part, share in zip(("below", "above"), shares, strict=True):
                        tf.summary.histogram(f"{layer}/units/{gate}/{part}", share)
        self.writer.flush()

    def on_train_end(self, logs=None):
        self.writer.flush()
