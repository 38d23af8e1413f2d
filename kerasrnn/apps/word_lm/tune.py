"""The numbers of the word model that a search may change."""

from kerasrnn.apps.word_lm.config import Config
from kerasrnn.settings import replace


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    layers = hp.Int("layers", 1, 2)
    return replace(
        config,
        cell=hp.Choice("cell", ["simple_rnn", "lstm", "gru"]),
        units=(hp.Choice("units", [100, 200, 400, 650]),) * layers,
        embedding_size=hp.Choice("embedding_size", [64, 128, 200, 400]),
        tied=hp.Boolean("tied"),
        dropout=hp.Float("dropout", 0.0, 0.7, step=0.1),
        learning_rate=hp.Float("learning_rate", 1e-3, 3e-2, sampling="log"),
    )
