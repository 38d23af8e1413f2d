"""The network: characters → stacked recurrence → the next character's logits."""

import keras

from kerasrnn.apps.char_lm.config import Config
from kerasrnn.apps.char_lm.data import Assets
from kerasrnn.builders import many_to_many
from kerasrnn.training.optimizers import optimizer
from kerasrnn.training.truncated import TruncatedBPTT


def build(config: Config, assets: Assets) -> TruncatedBPTT:
    """A compiled model that reads `config.batch_size` strips of text side by side, chunk by chunk."""
    network = many_to_many(
        config.cell,
        units=config.units,
        classes=len(assets.vocabulary),
        inputs=config.inputs,
        vocabulary=len(assets.vocabulary),
        embedding_size=config.embedding_size if config.inputs == "embedding" else None,
        dropout=config.dropout,
        carry=True,
        name="char_lm",
    )
    model = TruncatedBPTT(network, config.batch_size, name="char_lm_stream")
    return compiled(model, optimizer(config, plain=["outputs/"]))


def compiled(model: TruncatedBPTT, by="sgd") -> TruncatedBPTT:
    """`model` with the loss: nats a character, weighted by what is text and not padding."""
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    metric = keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="nats_per_char")
    model.compile(by, loss=loss, weighted_metrics=[metric])
    return model
