"""Whether XLA compiles the whole training step: both ways are measured where that can pay."""

import math
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kerasrnn.data.batching import Batches
from kerasrnn.errors import UserError
from kerasrnn.training import checkpoint
from kerasrnn.training.step import Step

WORTH = 120.0  # s of training ahead, for each shape of batch, from which on both ways are measured
SPREAD = 3  # batches of a pass that are measured, evenly chosen: their lengths may differ
ROUNDS = 5  # in turns; the least of each batch counts, since other work only ever adds to a time
PATIENCE = 20.0  # s after which no round begins


def compilable(model: keras.Model) -> bool:
    """Whether Keras would let XLA compile the model: not with cuDNN in it, not with --deterministic."""
    before = model.jit_compile
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.jit_compile = True
    able, model.jit_compile = model.jit_compile, before
    return able


def require_compilable(model: keras.Model) -> None:
    """Refuse --jit on where it cannot be.

    Raises:
        UserError: if a layer of `model` cannot be compiled.
    """
    if not compilable(model):
        raise UserError("`jit` must be auto or off here: XLA cannot compile a layer of this model.")


class Choice(NamedTuple):
    """What was chosen.

    Attributes:
        xla: whether XLA is on.
        why: a sentence.
        compiling: s that XLA took; 0 where nothing was measured.
    """

    xla: bool
    why: str
    compiling: float = 0.0


def choose(
    model: keras.Model, batches: Batches, steps: dict[bool, Step], ahead: Callable
) -> Choice:
    """Measure the step with XLA and without, and leave the model as it was.

    Args:
        model: its `jit_compile` says which is taken where nothing is measured.
        steps: one without XLA and one with it, by whether it is on.
        ahead: seconds a step, infinity where they are not known -> seconds of training ahead.
    """
    first = bool(model.jit_compile)
    word = "on" if first else "off"
    if not compilable(model):
        return Choice(False, "XLA off: a layer runs by cuDNN, or cannot be compiled.")
    short = Choice(first, f"XLA {word}: so short a training is not worth measuring it.")
    if ahead(math.inf) < WORTH:
        return short
    times = Times(model, batches, steps, SPREAD)
    worth = WORTH * times.shapes()
    if ahead(math.inf) < worth:
        return short
    before = checkpoint.snapshot(model)
    try:
        rough = Times(model, batches, {first: steps[first]}, 1)
        rough.measure(1)
        left = ahead(rough.best(first))
        if left < worth:
            why = f"XLA {word}: {left:.0f} s of training are not worth measuring it."
            return Choice(first, why)
        times.measure(ROUNDS)
        fast, slow = times.best(True), times.best(False)
        xla = fast < slow
        told = f"{1e3 * fast:.3g} ms a step with it, {1e3 * slow:.3g} without"
        compiling = rough.compiling + times.compiling
        why = f"XLA {'on' if xla else 'off'}: {told}; compiled in {compiling:.0f} s."
        return Choice(xla, why, compiling)
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        reason = str(error).splitlines()[0][:200]
        return Choice(False, f"XLA off: it cannot compile this model ({reason}).")
    finally:
        checkpoint.put_back(before)


class Times:
    """Seconds of each way's step, on the same batches in turns.

    Args:
        steps: what is measured, by whether XLA is on.
        count: batches, evenly chosen of a pass.
    Attributes:
        compiling: s that the first round with XLA took beyond the best.
    """

    def __init__(self, model: keras.Model, batches: Batches, steps: dict[bool, Step], count: int):
        self.model, self.steps, self.compiling = model, steps, 0.0
        self._count = min(count, batches.count)
        numbers = [(2 * k + 1) * batches.count // (2 * self._count) for k in range(self._count)]
        data = tf.data.Dataset.from_tensor_slices(np.array(numbers, np.int64))
        self._data = data.map(lambda n: batches.at(n // batches.count, n % batches.count)).cache()
        self._seconds = {xla: [] for xla in steps}

    def shapes(self) -> int:
        """How many of the batches have shapes of their own."""
        return len({str([part.shape for part in tf.nest.flatten(batch)]) for batch in self._data})

    def round(self) -> None:
        """Train once on every batch, each way."""
        for xla, step in self.steps.items():
            took, kept = [], step.see
            step.see = np.asarray  # waits for the device
            note = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs, took=took, step=step: took.append(step.last)
            )
            self.model.train_function = step
            self.model.fit(
                self._data,
                steps_per_epoch=self._count,
                callbacks=[note],
                shuffle=False,
                verbose=0,
            )
            self._seconds[xla].append(took)
            step.reset(kept)

    def measure(self, rounds: int) -> None:
        """A round that compiles, and `rounds` that count, or as many as patience lasts for."""
        self.round()
        end = time.perf_counter() + PATIENCE
        self.round()
        for _ in range(rounds - 1):
            if time.perf_counter() < end:
                self.round()
        if True in self.steps:
            self.compiling = max(0.0, sum(self._seconds[True][0]) - self._count * self.best(True))

    def best(self, xla: bool) -> float:
        """Seconds of a step: the mean over the batches of the least that each took."""
        return float(np.mean(np.min(self._seconds[xla][1:], axis=0)))
