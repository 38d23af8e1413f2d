"""The training of one configuration, as a trial of a search."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras_tuner.errors import FailedTrialError

from kerasrnn.app import App
from kerasrnn.training.averages import averaged
from kerasrnn.training.penalties import Penalties
from kerasrnn.training.schedule import Pace
from kerasrnn.training.step import Step


@dataclass
class Trainer:
    """Builds and trains models of an app on one source, each from the same weights and order of data.

    Args:
        app: the application.
        source: what it learns from, opened.
        seed: of weights, dropout and order.
        seconds: that one training may last, or None.
        patience: reports without a better score after which a training ends.
    """

    app: App
    source: Any
    seed: int
    seconds: float | None
    patience: int

    def __post_init__(self):
        self._prepared = None, None

    @property
    def objective(self) -> tuple[str, str]:
        """The name of what a training is judged by, and whether "min" or "max" is best."""
        metric, direction = self.app.file("judge").OBJECTIVE
        return f"valid_{metric}", direction

    def build(self, config, optimizer: bool = True) -> keras.Model:
        """The compiled model.

        Args:
            optimizer: whether that is built too, so that weights load with its state.
        Raises:
            UserError: if the model has nothing that the configuration would penalise.
        """
        keras.utils.set_random_seed(self.seed)
        model = self.app.build(config, self._assets(config))
        Penalties.of(config).require(model)
        if optimizer:
            model.optimizer.build(model.trainable_variables)
        return model

    def fit(self, config, model, epochs: int | None, initial_epoch: int, callbacks):
        """Train `model` and judge it after each epoch; as `HyperApp.fit`.

        Raises:
            FailedTrialError: if the loss does not stay finite.
        """
        assets, data = self._assets(config), self.app.file("data")
        batches = data.batches(self.source, config, "train", assets, seed=self.seed)
        judge = self.app.file("judge").judge(model, config, assets, self.source, "valid")
        epochs, steps = epochs or config.epochs, config.epoch_steps or batches.count
        first, (name, direction) = initial_epoch * steps, self.objective
        examples = batches.endless(first)
        noise, penalties = (config.weight_noise, self.seed), Penalties.of(config)
        if config.weight_noise or penalties:
            spec = examples.element_spec
            model.train_function = Step(model, spec, noise=noise, penalties=penalties)
        return model.fit(
            examples,
            epochs=epochs,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps,
            callbacks=[
                Judged(judge),
                Pace(config, epochs * steps, self.seconds, step=first),
                keras.callbacks.EarlyStopping(name, mode=direction, patience=self.patience),
                *callbacks,
            ],
            shuffle=False,
            verbose=0,
        )

    def trial(
        self,
        config,
        epochs: int,
        initial_epoch: int,
        first: Path | None,
        best: Path,
        largest: int | None,
    ) -> dict[str, list[float]]:
        """Build a model, train it and keep the weights of its best epoch.

        Args:
            first: the weights that it goes on from, a file; its own unless given.
            best: a file for the weights.
            largest: number of parameters, or None.
        Returns:
            The logs of each epoch, by name.
        Raises:
            FailedTrialError: if the model is too large, or its loss does not stay finite.
        """
        keras.utils.clear_session()  # of a trial before it in the same process
        model, (name, direction) = self.build(config), self.objective
        if largest and (count := model.count_params()) > largest:
            raise FailedTrialError(f"The model has {count:,} parameters, more than {largest:,}.")
        if first:
            model.load_weights(first)
        keep = keras.callbacks.ModelCheckpoint(
            best, name, mode=direction, save_best_only=True, save_weights_only=True
        )
        return self.fit(config, model, epochs, initial_epoch, [keep]).history

    def _assets(self, config):
        """What the app prepares for `config`; kept until another is asked for."""
        if self._prepared[0] != config:
            self._prepared = config, self.app.file("data").prepare(self.source, config)
        return self._prepared[1]


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
