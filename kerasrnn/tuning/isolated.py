"""A trial's training in a process of its own, whose memory goes with it.

TensorFlow keeps every program that XLA compiles, and every gradient that it traces, as long as the process
lives; and a trial that the system ends for want of memory should not end the search.

The two processes share a folder and speak in lines. The parent writes work.json and the model's weights and
starts the child, which after each epoch writes its weights and prints the epoch's logs; the parent loads
them, calls its callbacks and answers whether to go on. A child whose parent has gone ends by itself.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from queue import SimpleQueue

import keras
from keras_tuner.errors import FailedTrialError

from kerasrnn.app import find_app
from kerasrnn.settings import from_json, to_json
from kerasrnn.tuning.trainer import Trainer

WORK, WEIGHTS = "work.json", "trial.weights.h5"
GO_ON, STOP = b"go on\n", b"stop\n"
CHILD = (
    "from kerasrnn.cli.quiet import load_tensorflow; load_tensorflow(); "
    "from kerasrnn.tuning.isolated import main; main()"
)


def fit(trainer: Trainer, data: str | None, config, model, epochs, initial_epoch: int, callbacks):
    """As `Trainer.fit`, in a child process; `model` has the trained weights after each epoch.

    Args:
        data: what the trainer's source was opened from.
        callbacks: called in this process, at epochs only.
    Returns:
        keras.callbacks.History.
    Raises:
        FailedTrialError: if the training fails, or its process is ended.
    """
    work = {
        "app": trainer.app.name, "data": data, "config": to_json(config), "seed": trainer.seed,
        "seconds": trainer.seconds, "patience": trainer.patience, "epochs": epochs,
        "initial_epoch": initial_epoch, "policy": keras.config.dtype_policy().name,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="kerasrnn-trial-") as folder:
        (Path(folder) / WORK).write_text(json.dumps(work), "utf-8")
        model.save_weights(Path(folder) / WEIGHTS)
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, folder],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"KERAS_BACKEND": keras.backend.backend()},
            start_new_session=True,  # Ctrl-C is the parent's
        )
        with child:
            try:
                return _followed(child, Path(folder) / WEIGHTS, model, initial_epoch, callbacks)
            finally:
                child.kill()


def _followed(child, weights: Path, model, epoch: int, callbacks) -> keras.callbacks.History:
    """Keras' callbacks, called as the child tells of its epochs."""
    called = keras.callbacks.CallbackList(list(callbacks), add_history=True, model=model)
    model.stop_training = False
    called.on_train_begin()
    called.on_epoch_begin(epoch)
    for line in child.stdout:
        told = json.loads(line)
        if "failure" in told:
            raise FailedTrialError(told["failure"])
        model.load_weights(weights)
        called.on_epoch_end(epoch, told["logs"])
        epoch += 1
        if not (told["last"] or model.stop_training):
            called.on_epoch_begin(epoch)
        with contextlib.suppress(BrokenPipeError):  # its end is looked into below
            child.stdin.write(STOP if model.stop_training else GO_ON)
    if child.wait():
        code = child.returncode
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        raise FailedTrialError(f"The trial's process ended {how}; was there memory for it?")
    called.on_train_end()
    return model.history


class _Told(keras.callbacks.Callback):
    """Tells the parent of each epoch, and heeds its answer."""

    def __init__(self, weights: Path, tell, epochs: int):
        super().__init__()
        self._weights, self._tell, self._epochs = weights, tell, epochs
        self._answers = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with open(
            0, "rb", buffering=0, closefd=False
        ) as answers:  # a buffer's lock would bar the exit
            for line in answers:
                self._answers.put(line)
        os._exit(1)  # the parent has gone

    def on_epoch_end(self, epoch, logs=None):
        self.model.save_weights(self._weights)
        last = self.model.stop_training or epoch + 1 == self._epochs
        self._tell({"logs": {name: float(value) for name, value in logs.items()}, "last": last})
        if self._answers.get() == STOP:
            self.model.stop_training = True


def main() -> None:
    """The child."""
    told = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever else prints

    def tell(said: dict) -> None:
        told.write(json.dumps(said) + "\n")

    folder = Path(sys.argv[1])
    work = json.loads((folder / WORK).read_text("utf-8"))
    try:
        _train(folder, work, tell)
    except Exception:
        tell({"failure": traceback.format_exc()})


def _train(folder: Path, work: dict, tell) -> None:
    keras.config.set_dtype_policy(work["policy"])
    app = find_app(work["app"])
    config = from_json(app.file("config").Config, work["config"])
    source = app.file("data").open_source(work["data"], config)
    trainer = Trainer(app, source, work["seed"], work["seconds"], work["patience"])
    model = trainer.build(config)
    model.load_weights(folder / WEIGHTS)
    epochs = work["epochs"] or config.epochs
    callbacks = [_Told(folder / WEIGHTS, tell, epochs)]
    trainer.fit(config, model, epochs, work["initial_epoch"], callbacks)
