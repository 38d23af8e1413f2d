"""An app as KerasTuner sees it: a model for each choice of its numbers, and a training of it."""

import contextlib
import math

import keras
import keras_tuner
from keras_tuner.errors import FailedTrialError
from tensorflow.python.framework import ops

from kerasrnn.app import App, find_app
from kerasrnn.errors import UserError
from kerasrnn.settings import with_settings
from kerasrnn.training.averages import averaged
from kerasrnn.training.schedule import Pace


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
    ):
        self.app = find_app(app) if isinstance(app, str) else app
        super().__init__(name=self.app.name)
        self.base = with_settings(self.app.preset(preset, max_minutes), settings)
        self.source = self.app.file("data").open_source(data, self.base)
        self.max_minutes, self.patience, self.seed = max_minutes, patience, seed
        metric, direction = self.app.file("judge").OBJECTIVE
        self.objective = keras_tuner.Objective(f"valid_{metric}", direction)
        self._prepared = None, None

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
        """The compiled model of a trial, its optimizer built: tuners load that with the weights."""
        keras.utils.set_random_seed(self.seed)
        config = self.config(hp)
        model = self.app.build(config, self._assets(config))
        model.optimizer.build(model.trainable_variables)
        return model

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
            FailedTrialError: if the loss does not stay finite.
        """
        config = self.config(hp)
        assets, data = self._assets(config), self.app.file("data")
        batches = data.batches(self.source, config, "train", assets, seed=self.seed)
        judge = self.app.file("judge").judge(model, config, assets, self.source, "valid")
        epochs, steps = epochs or config.epochs, config.epoch_steps or batches.count
        seconds = self.max_minutes * 60 if self.max_minutes else None
        first = initial_epoch * steps
        pace = Pace(config, epochs * steps, seconds, step=first)
        patience = keras.callbacks.EarlyStopping(
            self.objective.name, mode=self.objective.direction, patience=self.patience
        )
        with forgotten_gradients():
            return model.fit(
                batches.endless(first),
                epochs=epochs,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps,
                callbacks=[Judged(judge), pace, patience, *callbacks],
                shuffle=False,
                verbose=0,
            )

    def _assets(self, config):
        """What the app prepares for `config`; kept until another is asked for."""
        if self._prepared[0] != config:
            self._prepared = config, self.app.file("data").prepare(self.source, config)
        return self._prepared[1]


@contextlib.contextmanager
def forgotten_gradients():
    """At the end, TensorFlow forgets the custom gradients that were traced inside, and with them their graphs.

    It would keep them all, by a name each, as long as the process lives.
    """
    registry = ops.gradient_registry._registry
    before = set(registry)
    try:
        yield
    finally:
        for name in registry.keys() - before:
            if name.startswith("CustomGradient-"):
                del registry[name]


class Judged(keras.callbacks.Callback):
    """Adds what `judge` finds to the logs of each epoch, before other callbacks read them; of the mean of
    the weights where there is one.

    Args:
        judge: () -> (examples, metrics).
    """

    def __init__(self, judge):
        super().__init__()
        self._judge = judge

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite(logs["loss"]):
            raise FailedTrialError(f"The loss must stay finite, got {logs['loss']}.")
        with averaged(self.model):
            _, metrics = self._judge()
        logs.update({f"valid_{name}": float(value) for name, value in metrics.items()})
