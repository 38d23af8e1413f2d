"""A training as small as can be: one Dense layer, ten numbered batches, a judge that notes the weights."""

from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from kerasrnn.data.batching import Batches
from kerasrnn.training.fit import Training
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.learning import LearningConfig
from kerasrnn.training.optimizers import optimizer

COUNT, ROWS, WIDTH = 10, 4, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(COUNT, ROWS, WIDTH)).astype(np.float32)
Y = (X @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * RNG.normal(size=(COUNT, ROWS, 1))).astype("f4")


@dataclass
class Small:
    """A training of `config` on X and Y in `folder`.

    Attributes:
        scores: what the judge says, report by report; 0 behind them.
        judged: the kernel at each report.
    """

    folder: object
    config: dict
    x: np.ndarray = field(default_factory=X.copy)
    y: np.ndarray = field(default_factory=Y.copy)
    scores: tuple = ()
    loss: object = "mse"
    judged: list = field(default_factory=list)
    killed: int | None = None  # the report at which the process dies

    def training(self, **options) -> Training:
        keras.utils.set_random_seed(7)
        given = {"batch_size": ROWS, "learning_rate": 0.05, "epochs": 4, "epoch_steps": 5}
        config = LearningConfig(**(given | self.config))
        inner = [keras.layers.Dropout(0.2), keras.layers.Dense(1, use_bias=False)]
        model = keras.Sequential([keras.Input((WIDTH,)), *inner])
        model.compile(optimizer(config), self.loss)
        x, y = tf.constant(self.x), tf.constant(self.y)
        batches = Batches(COUNT, lambda turn, index: (tf.gather(x, index), tf.gather(y, index)))
        folder = RunFolder(self.folder)
        objective = ("error", "min")
        training = Training(
            model,
            config,
            batches,
            self.judge,
            lambda: None,
            objective,
            folder,
            epochs=config.epochs,
        )
        for name, value in options.items():
            setattr(training, name, value)
        self.model = model
        return training

    def run(self, resume: bool = False, **options) -> Training:
        training = self.training(**options)
        training.run(resume)
        return training

    def judge(self):
        number = len(self.judged)
        if number == self.killed:
            raise InterruptedError
        self.judged.append(self.model.trainable_variables[0].numpy())
        return ROWS, {"error": float(self.scores[number]) if number < len(self.scores) else 0.0}
