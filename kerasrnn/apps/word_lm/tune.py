"""The numbers of the word model that a search may change."""

from kerasrnn.apps.word_lm.config import Config
from kerasrnn.settings import replace
from kerasrnn.tuning.space import between, one_of, whole


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    layers = whole(hp, "layers", len(config.units), 1, 2)
    return replace(
        config,
        cell=one_of(hp, "cell", config.cell, ["simple_rnn", "lstm", "gru"]),
        units=(one_of(hp, "units", config.units[0], [100, 200, 400, 650]),) * layers,
        embedding_size=one_of(hp, "embedding_size", config.embedding_size, [64, 128, 200, 400]),
        tied=hp.Boolean("tied", default=config.tied),
        dropout=between(hp, "dropout", config.dropout, 0.0, 0.7, step=0.1),
        learning_rate=between(
            hp, "learning_rate", config.learning_rate, 1e-3, 3e-2, sampling="log"
        ),
    )
