"""A progress bar with the time left, and one line for each report; on standard error."""

import time

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

PAUSE = 0.1  # s between two looks at the loss: looking waits for the device


class ProgressBar(keras.callbacks.Callback):
    """Shows how far the training is, on a terminal; in a log file, only the reports.

    Args:
        pace: knows the step, the time spent and the share that is done.
        shown: whether anything is.
    """

    def __init__(self, pace, shown: bool = True):
        super().__init__()
        self.pace = pace
        self._shown = 0.0
        self.console = Console(stderr=True, highlight=False, markup=False, quiet=not shown)
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  loss {task.fields[loss]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self.console,
            transient=True,
            disable=not (shown and self.console.is_terminal),
        )
        self.task = self.progress.add_task("", total=1.0, epoch=1, loss="–", left="compiling …")

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *error):
        self.progress.stop()

    def on_epoch_begin(self, epoch, logs=None):
        self.progress.update(self.task, epoch=epoch + 1)

    def on_train_batch_end(self, batch, logs=None):
        if self.progress.disable or time.monotonic() < self._shown + PAUSE:
            return
        self._shown = time.monotonic()
        done = min(self.pace.progress, 1.0)
        left = round(self.pace.elapsed * (1 - done) / done) if done else 0
        loss = f"{float(logs['loss']):.4f}" if logs else "–"
        self.progress.update(
            self.task, completed=done, loss=loss, left=f"{left // 60}:{left % 60:02} left"
        )

    def show(self, line: str) -> None:
        self.console.print(line, soft_wrap=True)
