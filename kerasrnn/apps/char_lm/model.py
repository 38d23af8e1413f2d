"""The network: characters → stacked recurrence → the next character's logits."""

from kerasrnn.apps.char_lm.config import Config
from kerasrnn.apps.char_lm.data import Assets
from kerasrnn.builders import many_to_many
from kerasrnn.builders.cell_options import cell_options
from kerasrnn.training.next_token import compiled
from kerasrnn.training.optimizers import optimizer
from kerasrnn.training.truncated import TruncatedBPTT


def build(config: Config, assets: Assets) -> TruncatedBPTT:
    """A compiled model that reads `config.batch_size` strips of text side by side, chunk by chunk."""
    network = many_to_many(
        config.cell,
        units=config.units,
        cell_options=cell_options(config.cell, config.cell_options, config.units),
        classes=len(assets.vocabulary),
        inputs=config.inputs,
        vocabulary=len(assets.vocabulary),
        embedding_size=config.embedding_size if config.inputs == "embedding" else None,
        depth=config.depth,
        dropout=config.dropout,
        carry=True,
        name="char_lm",
    )
    model = TruncatedBPTT(network, config.batch_size, name="char_lm_stream")
    model = compiled(model, optimizer(config, plain=["outputs/"]))
    if config.xla:
        model.jit_compile = True
    return model
