"""The numbers of the captioner that a search may change."""

from kerasrnn.apps.captioner.config import Config
from kerasrnn.settings import replace
from kerasrnn.tuning.space import between, one_of


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    return replace(
        config,
        cell=one_of(hp, "cell", config.cell, ["simple_rnn", "lstm", "gru"]),
        units=(one_of(hp, "units", config.units[0], [64, 128, 256, 512]),) * len(config.units),
        embedding_size=one_of(hp, "embedding_size", config.embedding_size, [64, 128, 256]),
        dropout=between(hp, "dropout", config.dropout, 0.0, 0.6, step=0.1),
        learning_rate=between(
            hp, "learning_rate", config.learning_rate, 3e-4, 1e-2, sampling="log"
        ),
    )
