"""The numbers of the whale detector that a search may change."""

from kerasrnn.apps.whale.config import Config
from kerasrnn.settings import replace
from kerasrnn.tuning.space import between, one_of


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    return replace(
        config,
        cell=one_of(hp, "cell", config.cell, ["simple_rnn", "lstm", "gru"]),
        units=(one_of(hp, "units", config.units[0], [32, 64, 96, 128]),) * len(config.units),
        filters=one_of(hp, "filters", config.filters, [0, 8, 16, 32]),
        bidirectional=hp.Boolean("bidirectional", default=config.bidirectional),
        pool=one_of(hp, "pool", config.pool, ["last", "mean", "attention"]),
        pcen_seconds=between(hp, "pcen_seconds", config.pcen_seconds, 0.2, 4.0, sampling="log"),
        dropout=between(hp, "dropout", config.dropout, 0.0, 0.5, step=0.1),
        learning_rate=between(
            hp, "learning_rate", config.learning_rate, 5e-4, 1e-2, sampling="log"
        ),
    )
