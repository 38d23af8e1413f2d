"""The numbers of the speech recogniser that a search may change."""

from kerasrnn.apps.deepspeech.config import Config
from kerasrnn.settings import replace
from kerasrnn.tuning.space import between, one_of, whole


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    dense = one_of(hp, "dense", config.dense[0], [64, 96, 128, 192])
    return replace(
        config,
        cell=one_of(hp, "cell", config.cell, ["simple_rnn", "lstm", "gru"]),
        units=(one_of(hp, "units", config.units[0], [64, 96, 128, 192]),)
        * whole(hp, "layers", len(config.units), 1, 2),
        dense=(dense,) * whole(hp, "dense_layers", len(config.dense), 1, 3),
        filters=one_of(hp, "filters", config.filters, [0, 8, 16]) if not config.streaming else 0,
        context=whole(hp, "context", config.context, 2, 9),
        dropout=between(hp, "dropout", config.dropout, 0.0, 0.4, step=0.05),
        learning_rate=between(
            hp, "learning_rate", config.learning_rate, 5e-4, 1e-2, sampling="log"
        ),
    )
