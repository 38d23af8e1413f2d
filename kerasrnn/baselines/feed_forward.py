"""The feed-forward n-gram network: words as vectors, a fixed window of them, one hidden layer."""

import keras
from keras import layers, ops

from kerasrnn.layers import Dropout


def feed_forward_ngram(
    *,
    vocabulary: int,
    order: int,
    embedding_size: int,
    units: int,
    direct: bool = True,
    dropout: float = 0.0,
    name: str = "feed_forward_ngram",
) -> keras.Model:
    """Predict a word from the n - 1 before it (Bengio et al. 2003).

        x_{t-n+1} … x_{t-1}      (B, n-1)        tokens 0 … V-1
         ↓           ↓                           each its row of one table C
        x = [C(x_{t-n+1}), …, C(x_{t-1})]        (B, (n-1) D)                       (1)
         ↓               │
        tanh(d + H x)    │ `direct`              (B, units)                         (2)
         ↓               ↓
        y = b + U tanh(d + H x) + W x            (B, V)          logits             (3)

    Args:
        vocabulary: V.
        order: n, at least 2.
        embedding_size: D, numbers a word.
        units: width of (2).
        direct: whether (3) has W x.
        dropout: share of (2) dropped in training; the paper has none.
    Returns:
        An uncompiled model, tokens (B, n-1) → logits (B, V).
    Raises:
        ValueError: if `order` is below 2.
    Source: Bengio et al. 2003, "A neural probabilistic language model", section 2; deck 003, "feed forward".
    """
    if order < 2:
        raise ValueError(
            f"`order` must be at least 2, so that there is a word to read, got {order}."
        )
    tokens = keras.Input((order - 1,), dtype="int32", name="inputs")
    rows = layers.Embedding(vocabulary, embedding_size, name="table")(tokens)
    x = ops.reshape(rows, (-1, (order - 1) * embedding_size))  # (1)
    hidden = layers.Dense(units, activation="tanh", name="hidden")(x)  # (2)
    hidden = Dropout(dropout, name="dropout")(hidden) if dropout else hidden
    logits = layers.Dense(vocabulary, name="outputs")(hidden)  # (3)
    if direct:
        logits = layers.Add(name="sum")(
            [logits, layers.Dense(vocabulary, use_bias=False, name="direct")(x)]
        )
    return keras.Model(tokens, logits, name=name)
