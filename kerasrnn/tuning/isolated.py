"""A trial's training in a process of its own, whose memory goes with it.

TensorFlow keeps every program that XLA compiles, and every gradient that it traces, as long as the process
lives; and a trial that the system ends for want of memory should not end the search.

The parent starts the child with one end of a pipe, and sends what it is to do. A child whose parent has gone
finds its standard input closed, and ends.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe

import keras
from keras_tuner.errors import FailedTrialError

from kerasrnn.tuning.trainer import Trainer

CHILD = (
    "from kerasrnn.cli.quiet import load_tensorflow; load_tensorflow(); "
    "from kerasrnn.tuning.isolated import main; main()"
)


def call(work: Callable, *arguments):
    """What `work(*arguments)` returns, in a child process.

    Args:
        work, arguments: what can be pickled; so must be what is returned.
    Raises:
        FailedTrialError: if it raises anything, or its process is ended.
    """
    with _child(_called, work, arguments) as child:
        return _heard(child)


def _called(parent: Connection, work: Callable, arguments: tuple) -> None:
    parent.send((None, work(*arguments)))


def fit(trainer: Trainer, config, model, epochs, initial_epoch: int, callbacks):
    """As `Trainer.fit`, in a child process.

    The child gets the model's variables, and its optimizer's where that is built. After each epoch it sends
    the epoch's logs and the same variables; the parent takes them over and calls the callbacks. Where one of
    those stops the training, the child is ended.

    Args:
        callbacks: called in this process, at epochs only.
    Returns:
        keras.callbacks.History.
    Raises:
        FailedTrialError: if the training fails, or its process is ended.
    """
    built = model.optimizer.built
    with _child(_fitted, trainer, config, built, epochs, initial_epoch) as child:
        _give(_variables(model), child)
        return _followed(child, model, initial_epoch, callbacks)


def _fitted(parent: Connection, trainer: Trainer, config, built, epochs, initial_epoch) -> None:
    model = trainer.build(config, optimizer=built)
    shared = _variables(model)
    _take(shared, parent)
    epochs = epochs or config.epochs
    trainer.fit(config, model, epochs, initial_epoch, [_Told(parent, shared, epochs)])


@contextlib.contextmanager
def _child(work: Callable, *arguments):
    """A process that calls `work(parent, *arguments)`; the pipe to it."""
    here, there = Pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(there.fileno())],
        env=os.environ | {"KERAS_BACKEND": keras.backend.backend()},
        pass_fds=[there.fileno()],
        stdin=subprocess.PIPE,  # closed when this process ends
        stdout=2,  # a search's standard output is its answer
        start_new_session=True,  # Ctrl-C is the parent's
    )
    there.close()
    with child, here:
        try:
            here.send((keras.config.dtype_policy().name, work, arguments))
            yield here
        except (EOFError, ConnectionError):
            child.wait()
            raise FailedTrialError(_ended(child.returncode)) from None
        finally:
            child.kill()


def _heard(child: Connection):
    """The child's next message.

    Raises:
        FailedTrialError: if it tells of a failure.
    """
    failure, message = child.recv()
    if failure:
        raise FailedTrialError(failure)
    return message


def _ended(code: int) -> str:
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return f"The trial's process ended {how}; was there memory for it?"


def _followed(child: Connection, model, epoch: int, callbacks) -> keras.callbacks.History:
    """Keras' callbacks, called as the child tells of its epochs."""
    called = keras.callbacks.CallbackList(list(callbacks), add_history=True, model=model)
    model.stop_training = False
    called.on_train_begin()
    last = False
    while not last:
        called.on_epoch_begin(epoch)
        logs, last = _heard(child)
        _take(_variables(model), child)
        called.on_epoch_end(epoch, logs)
        epoch, last = epoch + 1, last or model.stop_training
    called.on_train_end()
    return model.history


def _variables(model) -> list:
    """Those of the model, and those that its optimizer has so far."""
    return [*model.variables, *model.optimizer.variables]


def _give(variables: list, other: Connection) -> None:
    """One by one, so that neither process holds them twice."""
    for variable in variables:
        other.send(keras.ops.convert_to_numpy(variable))


def _take(variables: list, other: Connection) -> None:
    for variable in variables:
        variable.assign(other.recv())


class _Told(keras.callbacks.Callback):
    """Tells the parent of each epoch."""

    def __init__(self, parent: Connection, shared: list, epochs: int):
        super().__init__()
        self._parent, self._shared, self._epochs = parent, shared, epochs

    def on_epoch_end(self, epoch, logs=None):
        last = self.model.stop_training or epoch + 1 == self._epochs
        logs = {name: float(value) for name, value in logs.items()}
        self._parent.send((None, (logs, last)))
        _give(self._shared, self._parent)


def main() -> None:
    """The child."""
    parent = Connection(int(sys.argv[1]))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        policy, work, arguments = parent.recv()
        keras.config.set_dtype_policy(policy)
        work(parent, *arguments)
    except Exception:
        parent.send((traceback.format_exc(), None))


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)
