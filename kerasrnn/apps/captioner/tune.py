"""The numbers of the captioner that a search may change."""

from kerasrnn.apps.captioner.config import Config
from kerasrnn.settings import replace


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    return replace(
        config,
        cell=hp.Choice("cell", ["simple_rnn", "lstm", "gru"]),
        units=(hp.Choice("units", [64, 128, 256, 512]),),
        embedding_size=hp.Choice("embedding_size", [64, 128, 256]),
        dropout=hp.Float("dropout", 0.0, 0.6, step=0.1),
        learning_rate=hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
    )
