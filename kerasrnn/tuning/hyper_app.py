"""An app as KerasTuner sees it: a model for each choice of its numbers, and a training of it."""

from collections.abc import Callable

import keras
import keras_tuner
import tensorflow as tf
from keras_tuner.errors import FailedTrialError

from kerasrnn.app import App, find_app
from kerasrnn.errors import UserError
from kerasrnn.tuning import isolated
from kerasrnn.tuning.trainer import Trainer


class HyperApp(keras_tuner.HyperModel):
    """An app whose numbers any tuner of KerasTuner can search.

        whale = HyperApp("whale", "whale_data/")
        tuner = keras_tuner.Hyperband(whale, whale.objective, max_epochs=9)
        tuner.search()
        tuner.get_best_hyperparameters()[0]

    What is searched stands in the app's tune.py; all other numbers are the preset's. Each trial draws the same
    weights and the same order of data, so that trials differ by what is searched alone.

    Args:
        app: its name, or itself.
        data: what it learns from; its embedded default unless given.
        preset, settings: as of `kerasrnn train`.
        max_minutes: that one trial may train, or None.
        patience: reports without a better score after which a trial ends.
        seed: of weights, dropout and order.
        isolated: whether each trial trains in a process of its own, whose memory goes with it, so that one
            that is ended for want of memory is a failed trial. A tuner's callbacks are then called at
            epochs only. Where this process has a GPU's memory already, trials train in it all the same.

    Attributes:
        objective: keras_tuner.Objective that the app is judged by, on its validation split.
    """

    def __init__(
        self,
        app: App | str,
        data: str | None = None,
        *,
        preset: str = "small",
        settings: tuple[str, ...] = (),
        max_minutes: float | None = None,
        patience: int = 3,
        seed: int = 0,
        isolated: bool = True,
    ):
        self.app = find_app(app) if isinstance(app, str) else app
        super().__init__(name=self.app.name)
        self.base = self.app.preset(preset, max_minutes, settings)
        source = self.app.file("data").open_source(data, self.base)
        seconds = max_minutes * 60 if max_minutes else None
        self.trainer = Trainer(self.app, source, seed, seconds, patience)
        self.objective = keras_tuner.Objective(*self.trainer.objective)
        self.isolated = isolated and _leaves_memory()

    def config(self, hp: keras_tuner.HyperParameters):
        """The configuration that `hp` stands for.

        Raises:
            FailedTrialError: if its numbers do not go together.
        """
        try:
            return self.app.file("tune").hyperparameters(hp, self.base)
        except UserError as error:
            raise FailedTrialError(str(error)) from None

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """The compiled model of a trial.

        Where a tuner gives a trial its epochs, as Hyperband does, another may go on from its weights: the
        optimizer is then built, so that its state is saved and loaded with them. Others do without, whose
        state is twice as large as the model; in this process training builds it all the same.
        """
        built = not self.isolated or "tuner/epochs" in hp.values
        return self.trainer.build(self.config(hp), optimizer=built)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *,
        epochs: int | None = None,
        initial_epoch: int = 0,
        callbacks: tuple = (),
        **unused,
    ) -> keras.callbacks.History:
        """Train a trial's model and judge it after each epoch.

        Args:
            epochs: reports; the preset's own number unless given.
            initial_epoch: where a trial begins that goes on from another's weights.
            callbacks: the tuner's.
        Raises:
            FailedTrialError: if the loss does not stay finite, or the trial's process is ended.
        """
        work = self.config(hp), model, epochs, initial_epoch, callbacks
        if self.isolated:
            return isolated.fit(self.trainer, *work)
        return self.trainer.fit(*work)

    def call(self, work: Callable, *arguments):
        """What `work(*arguments)` returns, in a process of its own where trials have one."""
        return isolated.call(work, *arguments) if self.isolated else work(*arguments)


def _leaves_memory() -> bool:
    """Whether a child process finds memory on each GPU, which TensorFlow else takes whole."""
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # in use already
            return False
    return True
