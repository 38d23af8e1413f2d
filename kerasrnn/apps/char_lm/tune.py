"""The numbers of the character model that a search may change."""

from kerasrnn.apps.char_lm.config import Config
from kerasrnn.settings import replace
from kerasrnn.tuning.space import between, one_of, whole


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    layers = whole(hp, "layers", len(config.units), 1, 3)
    return replace(
        config,
        cell=one_of(hp, "cell", config.cell, ["simple_rnn", "lstm", "gru"]),
        units=(one_of(hp, "units", config.units[0], [64, 128, 256, 384, 512]),) * layers,
        dropout=between(hp, "dropout", config.dropout, 0.0, 0.6, step=0.1),
        learning_rate=between(
            hp, "learning_rate", config.learning_rate, 5e-4, 2e-2, sampling="log"
        ),
        steps=one_of(hp, "steps", config.steps, [32, 64, 128]),
    )
