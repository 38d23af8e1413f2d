"""The numbers of the sample-level models that a search may change."""

from kerasrnn.apps.wavenet.config import Config
from kerasrnn.settings import replace


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    return replace(
        config,
        outputs=hp.Choice("outputs", ["softmax", "logistics"]),
        stacks=hp.Int("stacks", 1, 3),
        dilations=hp.Int("dilations", 4, 10),
        cell=hp.Choice("cell", ["simple_rnn", "lstm", "gru"]),
        frame=hp.Choice("frame", [4, 8, 16, 32]),
        learning_rate=hp.Float("learning_rate", 5e-4, 2e-2, sampling="log"),
    )
