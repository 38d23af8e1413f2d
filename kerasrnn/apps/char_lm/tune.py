"""The numbers of the character model that a search may change."""

from kerasrnn.apps.char_lm.config import Config
from kerasrnn.settings import replace


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    layers = hp.Int("layers", 1, 3)
    return replace(
        config,
        cell=hp.Choice("cell", ["simple_rnn", "lstm", "gru"]),
        units=(hp.Choice("units", [64, 128, 256, 384, 512]),) * layers,
        dropout=hp.Float("dropout", 0.0, 0.6, step=0.1),
        learning_rate=hp.Float("learning_rate", 5e-4, 2e-2, sampling="log"),
        steps=hp.Choice("steps", [32, 64, 128]),
    )
