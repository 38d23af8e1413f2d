"""What a builder reads: a sequence of vectors, or of tokens made into vectors."""

from typing import Literal

import keras
from keras import ops

from kerasrnn.builders.checks import require_one_of, require_size

Reading = Literal["features", "one_hot", "embedding"]


def sequence_input(
    name: str,
    inputs: Reading,
    *,
    features: int | None = None,
    vocabulary: int | None = None,
    embedding_size: int | None = None,
    steps: int | None = None,
):
    """Declare one sequence input, and give it as vectors.

        "features"   (B, T, D) float ─────────────────────────→ (B, T, D)
        "one_hot"    (B, T) int ──→ the token's unit vector ──→ (B, T, V)
        "embedding"  (B, T) int ──→ the token's row ──────────→ (B, T, D)   D = embedding_size

    Args:
        name: of the input; the table of rows is named "{name}_embedding".
        inputs: which of the three.
        features: D, for "features" only.
        vocabulary: V, for tokens only; tokens are 0 … V-1.
        embedding_size: D, for "embedding" only.
        steps: T, or None for sequences of any length.
    Returns:
        The input and its vectors, two Keras tensors.
    Raises:
        ValueError: if `inputs` is none of the three, or a size is missing, superfluous or not > 0.
    """
    needs = {
        "features": ["features"],
        "one_hot": ["vocabulary"],
        "embedding": ["vocabulary", "embedding_size"],
    }
    require_one_of("inputs", inputs, tuple(needs))
    sizes = {"features": features, "vocabulary": vocabulary, "embedding_size": embedding_size}
    for size, value in sizes.items():
        if size in needs[inputs]:
            require_size(size, value, f"inputs={inputs!r} needs it")
        elif value is not None:
            raise ValueError(
                f"`{size}` must be left out with inputs={inputs!r}, which takes {needs[inputs]}, "
                f"got {value}."
            )
    if inputs == "features":
        x = keras.Input((steps, features), name=name)
        return x, x
    tokens = keras.Input((steps,), dtype="int32", name=name)
    if inputs == "one_hot":
        return tokens, ops.one_hot(tokens, vocabulary)
    table = keras.layers.Embedding(vocabulary, embedding_size, name=f"{name}_embedding")
    return tokens, table(tokens)


def target_input(inputs: Reading, classes: int, embedding_size: int | None, steps: int | None):
    """Declare "target", which a decoder reads one step late, so in the width of its answer.

    Args:
        inputs, embedding_size, steps: see `sequence_input`.
        classes: C, the width of the answer.
    Returns:
        The input and its vectors: (B, L, C) float, or (B, L) tokens 0 … C-1; see `sequence_input`.
    """
    width = {"features" if inputs == "features" else "vocabulary": classes}
    return sequence_input("target", inputs, embedding_size=embedding_size, steps=steps, **width)


def mask_input(name: str, steps: int | None = None):
    """Declare a mask input: bool (B, T), True where a step counts."""
    return keras.Input((steps,), dtype="bool", name=name)
