"""The network: words → their vectors → stacked recurrence → the next word's logits."""

from itertools import chain

import keras
import numpy as np
from keras import layers

from kerasrnn.apps.word_lm.config import Config
from kerasrnn.apps.word_lm.data import Assets
from kerasrnn.builders import Stack
from kerasrnn.builders.cell_options import cell_options
from kerasrnn.builders.states import like_inputs, state_inputs
from kerasrnn.layers import Bias, Dropout
from kerasrnn.training.next_token import compiled
from kerasrnn.training.optimizers import optimizer
from kerasrnn.training.truncated import TruncatedBPTT


def build(config: Config, assets: Assets) -> TruncatedBPTT:
    """A compiled model that reads `config.batch_size` strips of text side by side, chunk by chunk."""
    model = TruncatedBPTT(network(config, assets), config.batch_size, name="word_lm_stream")
    return compiled(model, optimizer(config, plain=["words/", "bias/"]))


def network(config: Config, assets: Assets) -> keras.Model:
    """States in, states out; with `tied`, the words that are written are the words that are read.

          y_1    y_2   …   y_T          (B, T, V)   u_t E^T + b, the logits     E (V, D)
           ↑      ↑         ↑
          u_1    u_2   …   u_T          (B, T, D)   h_t P, where H is not D; otherwise h_t
           ↑      ↑         ↑
    s_0 → h_1 →  h_2 → … → h_T → s_T    (B, H)      the cell, `units` of each layer
           ↑      ↑         ↑
          E_x1   E_x2  …   E_xT         (B, T, D)   rows of E

    Without `tied` the output has a table of its own. b begins with the logarithms of the words' frequencies, so
    that an early model already writes common words.

    Source: Press & Wolf 2017, arXiv:1608.05859 (the tied table); Zaremba et al. 2014, arXiv:1409.2329
    (dropout of what goes into each layer and into the output).
    """
    options = cell_options(config.cell, config.cell_options, config.units)
    stack = Stack(config.cell, units=config.units, cell_options=options, dropout=config.dropout)
    tokens = keras.Input((None,), dtype="int32", name="inputs")
    states = state_inputs(stack.states)
    table = layers.ReversibleEmbedding(
        len(assets.vocabulary),
        config.embedding_size,
        tie_weights=config.tied,
        reverse_dtype=keras.config.dtype_policy().variable_dtype,
        name="words",
    )
    drop = Dropout(config.dropout, name="dropout")
    h, finals = stack.read(drop(table(tokens)), start=states, states=True)
    if h.shape[-1] != config.embedding_size:
        h = layers.Dense(config.embedding_size, use_bias=False, name="projection")(h)
    dtype = keras.config.dtype_policy().variable_dtype
    bias = Bias(dtype=dtype, name="bias")
    logits = bias(table(drop(h), reverse=True))
    if assets.counts:
        chances = np.add(assets.counts, 1) / (sum(assets.counts) + len(assets.counts))
        bias.bias.assign(np.log(chances))
    into, out = list(chain(*states)), list(chain(*finals))
    return keras.Model([tokens, *into], [logits, *like_inputs(into, out)], name="word_lm")
