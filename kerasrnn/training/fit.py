"""Training a model on an endless stream of batches, report by report, so that it can be cut off and go on."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import tensorflow as tf

from kerasrnn.data.batching import Batches
from kerasrnn.errors import UserError
from kerasrnn.training import checkpoint
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.progress import ProgressBar
from kerasrnn.training.schedule import Pace


@dataclass
class Training:
    """One training: what it reads, how it is judged and where it is kept.

    Attributes:
        model: a compiled keras.Model.
        config: has epochs, epoch_steps, learning_rate, warmup, decay.
        batches: what is trained on.
        judge: () -> (examples, metrics) on the validation split.
        preview: () -> a line that shows what the model does by now, or None.
        folder: where checkpoints and history go.
        max_minutes: of training time, or None.
        epochs: reports before the end; None where the time alone ends it.
    """

    model: keras.Model
    config: object
    batches: Batches
    judge: Callable
    preview: Callable
    folder: RunFolder
    max_minutes: float | None = None
    epochs: int | None = None
    history: list[dict] = field(default_factory=list)
    pace: Pace = None

    @property
    def epoch_steps(self) -> int:
        return self.config.epoch_steps or self.batches.count

    @functools.cached_property
    def _logs(self) -> tf.summary.SummaryWriter:
        """TensorBoard's events."""
        return tf.summary.create_file_writer(str(self.folder.logs))

    def run(self, resume: bool) -> None:
        """Train to the end, from the last checkpoint where `resume` asks for it."""
        total = self.epochs * self.epoch_steps if self.epochs else None
        seconds = self.max_minutes * 60 if self.max_minutes else None
        state = {"step": 0, "elapsed": 0.0, "history": []}
        if resume and self.folder.checkpoint.exists():
            state = checkpoint.load(self.folder.checkpoint, self.model)
        self.history = state["history"]
        self.pace = Pace(self.config, total, seconds, state["step"], state["elapsed"])
        if self.pace.progress >= 1:
            return
        with ProgressBar(self.pace) as bar:
            report = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: bar.show(self._report(epoch, logs))
            )
            self.model.fit(
                self.batches.endless(self.pace.step),
                epochs=2**31,  # `pace` ends it
                initial_epoch=len(self.history),
                steps_per_epoch=self.epoch_steps,
                callbacks=[self.pace, bar, report],
                shuffle=False,
                verbose=0,
            )

    def _report(self, epoch: int, logs: dict) -> str:
        """Judge, keep and show what the last epoch made of the model."""
        if not math.isfinite(logs["loss"]):
            raise UserError(
                f"The loss must stay finite, got {logs['loss']} in epoch {epoch + 1}; lower "
                f"learning_rate or clip_norm. {self.folder.path} keeps what came before."
            )
        _, metrics = self.judge()
        row = {
            "epoch": epoch + 1,
            "step": self.pace.step,
            "seconds": round(self.pace.elapsed, 3),
            "learning_rate": float(self.model.optimizer.learning_rate),
            "loss": float(logs["loss"]),
        }
        row |= {f"valid_{name}": value for name, value in metrics.items()}
        row["sample"] = self.preview()
        self.history.append(row)
        state = {"step": self.pace.step, "elapsed": self.pace.elapsed, "history": self.history}
        checkpoint.save(self.folder.checkpoint, self.model, state)
        self.folder.write_history(self.history)
        with self._logs.as_default(row["step"]):
            for name, value in row.items():
                if isinstance(value, float):
                    tf.summary.scalar(name, value)
        self._logs.flush()
        return _line(row)


def _line(row: dict) -> str:
    """A report as a person reads it."""
    judged = "  ".join(f"{key} {row[key]:.4f}" for key in row if key.startswith("valid_"))
    sample = f"\n  {row['sample']}" if row["sample"] else ""
    minutes, seconds = divmod(round(row["seconds"]), 60)
    clock = f"{minutes}:{seconds:02}"
    return f"epoch {row['epoch']:3}  {clock}  loss {row['loss']:.4f}  {judged}{sample}"
