"""Training a model on an endless stream of batches, report by report, so that it can be cut off and go on."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import keras
import tensorflow as tf

from kerasrnn.data.batching import Batches
from kerasrnn.training import checkpoint, devices, jit
from kerasrnn.training.averages import averaged, has_average
from kerasrnn.training.distribution import Team
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.penalties import Penalties
from kerasrnn.training.profile import Profile
from kerasrnn.training.progress import ProgressBar
from kerasrnn.training.schedule import Pace
from kerasrnn.training.step import Step
from kerasrnn.training.watch import Watch


@dataclass
class Training:
    """One training: what it reads, how it is judged and where it is kept.

    Attributes:
        model: a compiled keras.Model.
        config: a LearningConfig.
        batches: what is trained on.
        judge: () -> (examples, metrics) on the validation split.
        preview: () -> a line that shows what the model does by now, or None.
        objective: the metric that counts, and its direction, "min" or "max".
        folder: where checkpoints and history go.
        max_minutes: of training time, or None.
        epochs: reports before the end; None where the time alone ends it.
        xla: whether XLA compiles the whole step; None measures it.
        chosen: is told what was measured, before the first step.
        profile: whether to write a profile of a few steps.
        seed: of the noise on the weights.
        team: the processes that train this model, of which only the chief uses judge, preview and folder.
    """

    model: keras.Model
    config: object
    batches: Batches
    judge: Callable
    preview: Callable
    objective: tuple[str, str]
    folder: RunFolder
    max_minutes: float | None = None
    epochs: int | None = None
    xla: bool | None = False
    chosen: Callable[[bool], None] = lambda xla: None
    profile: bool = False
    seed: int = 0
    team: Team = field(default_factory=Team)
    history: list[dict] = field(default_factory=list)
    pace: Pace = None
    watch: Watch = None
    step: Step = None
    waited: float = 0.0  # s that earlier processes waited for batches

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
        if self.team.chief and resume and self.folder.checkpoint.exists():
            state = checkpoint.load(self.folder.checkpoint, self.model)
        state = self.team.told(state)
        self.team.alike(self.model, self.batches.count)
        self.history = state["history"]
        self.pace = self.team.pace(self.config, total, seconds, state["step"], state["elapsed"])
        self.waited = state.get("waited", 0.0)
        seen = state.get("watch", {})
        bad = self.folder.bad_batch if self.team.chief else None
        self.watch = Watch(self.batches, bad, self.pace.step, **seen)
        if self.team.chief and self.history and self._best() == len(self.history) - 1:
            self._keep_best()  # killed between the two files, perhaps
        if self.pace.progress < 1 and not self._tired():
            self._fit()
        if not self.team.chief:
            return
        if self.kept == "best":
            checkpoint.load(self.folder.best, self.model, optimizer=False)
        elif has_average(self.model):
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)

    def _fit(self) -> None:
        bar = ProgressBar(self.pace, shown=self.team.chief)
        with bar, self.team.teaching(self.model, self._unmeasured()):
            bar.show(devices.told(self.model))
            mine = self.batches.part(self.team.part, self.team.parts)
            data = mine.endless(self.pace.step)
            self.step = self._step(data.element_spec, bar)
            self.model.train_function = self.step
            report = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: bar.show(self._report(epoch, logs))
            )
            profile = [Profile(self.folder.logs)] if self.profile and self.team.chief else []
            self.model.fit(
                data,
                epochs=2**31,  # `pace` ends it
                initial_epoch=len(self.history),
                steps_per_epoch=self.epoch_steps,
                callbacks=[self.pace, bar, *profile, report],
                shuffle=False,
                verbose=0,
            )
            if self._tired():
                bar.show(f"Stopped: no better score in {self.config.patience} reports.")
            bar.show(self._summary())

    def _unmeasured(self) -> bool:
        """Whether XLA is on, where processes that must be alike cannot each measure it."""
        if self.xla:
            jit.require_compilable(self.model)
        return bool(self.model.jit_compile) if self.xla is None else self.xla

    def _step(self, spec, bar: ProgressBar) -> Step:
        """The training step, with XLA or without."""
        own = {
            "noise": (self.config.weight_noise, self.seed),
            "penalties": Penalties.of(self.config),
        }
        if self.team.parts > 1:  # what there is to compile, the team's own step compiles
            self.model.jit_compile = False
            return Step(self.model, spec, see=self.watch.see, **own)
        steps = {xla: Step(self.model, spec, xla=xla, **own) for xla in (False, True)}
        xla = self.xla
        if xla is None:
            choice = jit.choose(self.model, self.batches, steps, self.pace.ahead)
            xla = choice.xla
            bar.show(choice.why)
            self.chosen(xla)
        elif xla:
            jit.require_compilable(self.model)
        self.model.jit_compile = xla
        steps[xla].reset(self.watch.see)
        return steps[xla]

    @property
    def kept(self) -> str:
        """Which report's weights the trained model has: "last" or "best"."""
        return "best" if self.config.patience else self.config.keep

    @property
    def kept_row(self) -> dict:
        """The report of the weights that are kept."""
        return self.history[self._best() if self.kept == "best" else -1]

    @property
    def measures(self) -> dict:
        """ "seconds" of training, "steps", "input_share" of the seconds, and the peaks of memory in bytes."""
        found = {"seconds": self.pace.elapsed, "steps": self.pace.step}
        return found | {"input_share": self._input_share()} | devices.peak_memory()

    def _input_share(self) -> float:
        """Of the training time, what was spent waiting for batches."""
        waited = self.waited + (self.step.waited if self.step else 0.0)
        return min(1.0, waited / self.pace.elapsed) if self.pace.elapsed else 0.0

    def _best(self) -> int:
        """The report with the best score, the first of equals."""
        name, direction = self.objective
        sign = {"min": 1, "max": -1}[direction]
        scores = [sign * row[f"valid_{name}"] for row in self.history]
        return min(range(len(scores)), key=lambda k: (scores[k] != scores[k], scores[k]))

    def _tired(self) -> bool:
        """Whether the patience is used up."""
        patience = self.config.patience
        return bool(patience and self.history) and len(self.history) - 1 - self._best() >= patience

    def _keep_best(self) -> None:
        with averaged(self.model):
            state = {"epoch": len(self.history)}
            checkpoint.save(self.folder.best, self.model, state, optimizer=False)

    def _report(self, epoch: int, logs: dict) -> str:
        """Judge, keep and show what the last epoch made of the model."""
        self.watch.flush()
        self.team.settle(self.model)
        line = self._judged(epoch, logs) if self.team.chief else ""
        if self.team.told(self.team.chief and self._tired()):
            self.model.stop_training = True
        return line

    def _judged(self, epoch: int, logs: dict) -> str:
        with averaged(self.model):
            _, metrics = self.judge()
            sample = self.preview()
        row = {
            "epoch": epoch + 1,
            "step": self.pace.step,
            "seconds": round(self.pace.elapsed, 3),
            "learning_rate": float(self.model.optimizer.learning_rate),
            "loss": float(logs["loss"]),
        }
        row |= {f"valid_{name}": value for name, value in metrics.items()}
        row["sample"] = sample
        self.history.append(row)
        self._keep()
        with self._logs.as_default(row["step"]):
            for name, value in row.items():
                if isinstance(value, float):
                    tf.summary.scalar(name, value)
        self._logs.flush()
        return _line(row)

    def _keep(self) -> None:
        """Write the checkpoints and the history."""
        state = {"step": self.pace.step, "elapsed": self.pace.elapsed, "history": self.history}
        state |= {"waited": self.waited + self.step.waited, "watch": self.watch.state}
        checkpoint.save(self.folder.checkpoint, self.model, state)
        if self._best() == len(self.history) - 1:
            self._keep_best()
        self.folder.write_history(self.history)

    def _summary(self) -> str:
        """What a training says at its end."""
        found = self.measures
        each = 1e3 * found["seconds"] / max(found["steps"], 1)
        memory = [f"{found['peak_bytes'] / 2**20:,.0f} MiB"]
        if "gpu_peak_bytes" in found:
            memory.append(f"{found['gpu_peak_bytes'] / 2**20:,.0f} MiB of the GPU's")
        return (
            f"{found['steps']:,} steps of {each:.3g} ms, {found['input_share']:.1%} of it waiting for "
            f"batches; at most {' and '.join(memory)} memory."
        )


def _line(row: dict) -> str:
    """A report as a person reads it."""
    judged = "  ".join(f"{key} {row[key]:.4f}" for key in row if key.startswith("valid_"))
    sample = f"\n  {row['sample']}" if row["sample"] else ""
    minutes, seconds = divmod(round(row["seconds"]), 60)
    clock = f"{minutes}:{seconds:02}"
    return f"epoch {row['epoch']:3}  {clock}  loss {row['loss']:.4f}  {judged}{sample}"
