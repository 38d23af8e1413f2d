"""The numbers of the whale detector that a search may change."""

from kerasrnn.apps.whale.config import Config
from kerasrnn.settings import replace


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    return replace(
        config,
        cell=hp.Choice("cell", ["simple_rnn", "lstm", "gru"]),
        units=(hp.Choice("units", [32, 64, 96, 128]),),
        filters=hp.Choice("filters", [0, 8, 16, 32]),
        bidirectional=hp.Boolean("bidirectional"),
        pool=hp.Choice("pool", ["last", "mean", "attention"]),
        pcen_seconds=hp.Float("pcen_seconds", 0.2, 4.0, sampling="log"),
        dropout=hp.Float("dropout", 0.0, 0.5, step=0.1),
        learning_rate=hp.Float("learning_rate", 5e-4, 1e-2, sampling="log"),
    )
