"""Several processes that train one model: each has a device, a copy of the model and its rows of every batch.

              process 0, the chief     process 1           …
    batch n:  rows 0 … B/P - 1         rows B/P … 2 B/P - 1         B is the batch_size, P the processes
                    ↓ gradient               ↓ gradient
                    └──────────── Σ ─────────┘                      one all-reduce a step
                    ↓ update                 ↓ the same update

What is not a sum over rows stays one process's business: the chief reads and writes files, judges and looks at
the clock, and tells the others what came of it.
"""

import json
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from kerasrnn.errors import UserError
from kerasrnn.training.schedule import Pace

APART = 1_000_003  # what the seeds of two neighbouring processes differ by
GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,  # another has begun anew
)


class PeerGone(UserError):
    """Another process of the training has ended."""


class Team:
    """The processes of a training: here, one alone.

    Attributes:
        part, parts: which process this is, from 0, and of how many.
    """

    part, parts = 0, 1

    @property
    def chief(self) -> bool:
        return self.part == 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        """All wait here for the chief's last file; that a process is gone is said in a sentence."""

    def told(self, message):
        """What the chief calls this with, in every process; what JSON can hold."""
        return message

    def pace(self, *arguments) -> Pace:
        """A `Pace` whose clock is the chief's."""
        return Pace(*arguments)

    def alike(self, model: keras.Model, batches: int) -> None:
        """Give every process the chief's variables, and dropout seeds of its own.

        Args:
            batches: in a pass, which must be as many everywhere.
        """

    def settle(self, model: keras.Model) -> None:
        """Bring together what each process has of its own: carried states, and statistics as their mean."""

    @contextmanager
    def teaching(self, model: keras.Model, xla: bool):
        """Inside, `model.train_step` trains on the rows of all processes.

        Args:
            xla: whether each process's gradient is one XLA program.
        Raises:
            UserError: for a model that cannot be trained so.
        """
        yield


class Workers(Team):
    """The processes that a strategy joins.

    Args:
        strategy: a MultiWorkerMirroredStrategy with one replica a process. Only its all-reduce is used: the
            model's variables are this process's own, and the sum of all gradients moves all copies alike; so
            `fit`, every optimizer, and XLA's clusters work as they do in a process alone.
        part: which process this is.
        helpers: processes that this one began, and ends.
    """

    def __init__(self, strategy: tf.distribute.Strategy, part: int, helpers=()):
        self.strategy, self.part, self.helpers = strategy, part, list(helpers)
        self.parts = strategy.num_replicas_in_sync
        self.clock = tf.Variable(0.0, trainable=False)  # s, the chief's at the last step
        self._said = tf.Variable(0.0, trainable=False)
        self._summed = tf.function(
            lambda numbers: strategy.run(self._reduced, args=([numbers],))[0],
            input_signature=[tf.TensorSpec([None], tf.float64)],  # which holds 32 bits exactly
            autograph=False,
        )

    def __exit__(self, kind, error, trace):
        if kind is None:
            try:
                self.told(None)
            except GONE as lost:
                error = lost
        for helper in self.helpers:
            helper.stdin.close()  # which ends it
            helper.wait()
        if isinstance(error, GONE):
            raise PeerGone(
                f"All {self.parts} processes must stay, but one of the others is gone (this is number "
                f"{self.part}); start them again with --resume: they go on from the last report."
            ) from None

    def _reduced(self, tensors: list) -> list:
        """The sums over all processes; within the strategy's `run`."""
        context, found = tf.distribute.get_replica_context(), {}
        tensors = [tf.identity(x) for x in tensors]  # which then are on the replica's device
        for kind in dict.fromkeys(x.dtype for x in tensors):  # an all-reduce packs one kind
            some = [k for k, x in enumerate(tensors) if x.dtype == kind]
            sums = context.all_reduce("sum", [tensors[k] for k in some])
            found |= dict(zip(some, sums, strict=True))
        return [found[k] for k in range(len(tensors))]

    def total(self, arrays: list) -> list[np.ndarray]:
        """The sums of NumPy arrays over all processes, which must all call this."""
        flat = [np.ravel(x).astype(np.float64) for x in arrays]
        summed = self._summed(np.concatenate([*flat, [0.0]])).numpy()
        parts = np.split(summed, np.cumsum([len(x) for x in flat]))
        return [part.reshape(np.shape(x)) for part, x in zip(parts, arrays, strict=False)]

    def told(self, message):
        said = json.dumps(message).encode() if self.chief else b""
        (size,) = self.total([len(said)])
        (sent,) = self.total([np.frombuffer(said.ljust(int(size), b"\0"), np.uint8)])
        return json.loads(bytes(sent.astype(np.uint8)))

    def pace(self, *arguments) -> Pace:
        return AgreedPace(self, *arguments)

    def alike(self, model: keras.Model, batches: int) -> None:
        model.optimizer.build(model.trainable_variables)
        variables = [*model.variables, *model.optimizer.variables]
        mine = [batches, [list(map(int, v.shape)) for v in variables]]
        if self.told(mine) != mine:
            raise UserError(
                f"All processes must read the same data, but number {self.part} and the chief make "
                "models or batches of different sizes of theirs."
            )
        values = [v.numpy() for v in variables]
        kept = values if self.chief else [np.zeros_like(x) for x in values]
        for variable, value in zip(variables, self.total(kept), strict=True):
            if _is_seed(variable):
                value = np.add(value, [APART * self.part, 0])
            variable.assign(value)

    def settle(self, model: keras.Model) -> None:
        carried = getattr(model, "carried", [])
        known = {id(v) for v in (*carried, *model.trainable_variables)}
        others = [v for v in model.variables if id(v) not in known and not _is_seed(v)]
        means = [v for v in others if _floating(v.numpy())]
        rows = [own(v.numpy(), self.part, self.parts) for v in carried]
        found = self.total(rows + [v.numpy() / self.parts for v in means])
        for variable, value in zip((*carried, *means), found, strict=True):
            variable.assign(value)

    @contextmanager
    def teaching(self, model: keras.Model, xla: bool):
        from kerasrnn.training.shared_step import SharedStep

        step = SharedStep(self, model, xla)
        model.train_step = step
        model.part = self.part, self.parts  # of the rows that it carries states for
        for layer in step.normalisations:
            layer.synchronized = True
        try:
            yield
        finally:
            del model.train_step, model.part
            for layer in step.normalisations:
                layer.synchronized = False

    def say(self, seconds: float) -> None:
        """What the chief's clock shows, for the next step to tell all."""
        self._said.assign(seconds if self.chief else 0.0)

    def gradients(self, share, loss, gradients: list) -> tuple:
        """The sums over all processes, and `clock` set; within the strategy's `run`."""
        given = [g for g in gradients if g is not None]
        share, loss, clock, *sums = self._reduced([share, loss, self._said.value(), *given])
        self.clock.assign(clock)
        found = iter(sums)
        return share, loss, [None if g is None else next(found) for g in gradients]


class AgreedPace(Pace):
    """A `Pace` that every process keeps alike: its clock is the chief's of one step ago."""

    def __init__(self, team: Workers, *arguments):
        super().__init__(*arguments)
        self._team, self._own = team, self.elapsed

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(batch, logs)
        self._team.say(self._own)

    def _pass(self, seconds: float) -> None:
        self._own += seconds
        self.elapsed = float(self._team.clock)


def own(rows: np.ndarray, part: int, parts: int) -> np.ndarray:
    """`rows` (B, …) with 0 where they are another process's."""
    size = len(rows) // parts
    kept = np.zeros_like(rows)
    kept[part * size : (part + 1) * size] = rows[part * size : (part + 1) * size]
    return kept


def _is_seed(variable) -> bool:
    return variable.name == "seed_generator_state"


def _floating(array: np.ndarray) -> bool:
    return array.dtype.kind not in "biu"  # bfloat16 is none of NumPy's kinds
