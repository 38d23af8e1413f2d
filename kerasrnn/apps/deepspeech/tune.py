"""The numbers of the speech recogniser that a search may change."""

from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.settings import replace


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    dense = hp.Choice("dense", [64, 96, 128, 192])
    return replace(
        config,
        cell=hp.Choice("cell", ["simple_rnn", "lstm", "gru"]),
        units=(hp.Choice("units", [64, 96, 128, 192]),) * hp.Int("layers", 1, 2),
        dense=(dense,) * hp.Int("dense_layers", 1, 3),
        filters=hp.Choice("filters", [0, 8, 16]) if not config.streaming else 0,
        context=hp.Int("context", 2, 9),
        dropout=hp.Float("dropout", 0.0, 0.4, step=0.1),
        learning_rate=hp.Float("learning_rate", 5e-4, 1e-2, sampling="log"),
    )
