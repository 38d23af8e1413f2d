"""The numbers of the sample-level models that a search may change."""

from kerasrnn.apps.wavenet.config import Config
from kerasrnn.settings import replace
from kerasrnn.tuning.space import between, one_of, whole


def hyperparameters(hp, config: Config) -> Config:
    """`config` with the searched numbers drawn from `hp`, a keras_tuner.HyperParameters."""
    return replace(
        config,
        outputs=one_of(hp, "outputs", config.outputs, ["softmax", "logistics"]),
        stacks=whole(hp, "stacks", config.stacks, 1, 3),
        dilations=whole(hp, "dilations", config.dilations, 4, 10),
        cell=one_of(hp, "cell", config.cell, ["simple_rnn", "lstm", "gru"]),
        frame=one_of(hp, "frame", config.frame, [4, 8, 16, 32]),
        learning_rate=between(
            hp, "learning_rate", config.learning_rate, 5e-4, 2e-2, sampling="log"
        ),
    )
