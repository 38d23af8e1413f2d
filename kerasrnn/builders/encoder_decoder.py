"""The slide that reads a whole sequence before it answers with another."""

from dataclasses import replace
from typing import Unpack

import keras

from kerasrnn.builders.inputs import Reading, mask_input, sequence_input, target_input
from kerasrnn.builders.knobs import StackKnobs
from kerasrnn.builders.stack import Stack
from kerasrnn.builders.states import hand_over


def encoder_decoder(
    cell,
    *,
    classes: int,
    inputs: Reading = "features",
    features: int | None = None,
    vocabulary: int | None = None,
    embedding_size: int | None = None,
    steps: int | None = None,
    target_steps: int | None = None,
    masked: bool = False,
    activation=None,
    name: str = "encoder_decoder",
    **stack: Unpack[StackKnobs],
) -> keras.Model:
    """Read all, then answer (slides: "many to many", delayed; machine translation).

                                    y_1    y_2  …  y_L      (B, L, C)   activation(h_t W + b)
                                     ↑      ↑       ↑
        h_1 →  h_2 → … → h_T → s_T → g_1 → g_2 → … → g_L    (B, H)      two stacks of `cell`
         ↑      ↑         ↑          ↑      ↑       ↑
        x_1    x_2   …   x_T        y_0    y_1  … y_{L-1}   (B, T, D), (B, L, C); or tokens
           "source", encoder         "target", decoder

    Each layer of the decoder starts in the last states of the encoder's layer beside it. The
    decoder reads the target one step late (teacher forcing), y_0 being the start token, so what it
    reads is as wide as its answer: C, or tokens 0 … C-1.

    A bidirectional encoder hands over both directions' states: their sum, or with "concat" a dense
    tanh layer of both, since the decoder's states are half as wide. The decoder has one direction.

    Args:
        cell: a name in `kerasrnn.cells.CELLS`, or a cell; this and `stack`: see `Stack`. Both stacks
            are built alike; the deep output is the decoder's.
        classes: C.
        inputs: how both sequences are read, see `sequence_input`.
        features, vocabulary: D or V of the source.
        embedding_size: of both tables of tokens.
        steps, target_steps: T and L, or None for any length.
        masked: adds two inputs, "source_mask" (B, T) and "target_mask" (B, L) bool, True where a
            step counts.
        activation: of the output, such as "softmax".
    Returns:
        An uncompiled model, [source, target] → y, or [source, target, source_mask, target_mask].
    Raises:
        ValueError: if a knob has none of its values, or two do not go together.
    Source: Sutskever et al. 2014, arXiv:1409.3215; the dense layer: Bahdanau et al. 2014,
    arXiv:1409.0473, section A.2.2.
    """
    encoder = Stack(cell, **stack).answering(classes)
    decoder = replace(encoder, bidirectional=None)
    read = {"features": features, "vocabulary": vocabulary, "embedding_size": embedding_size}
    source, x = sequence_input("source", inputs, steps=steps, **read)
    target, y = target_input(inputs, classes, embedding_size, target_steps)
    masks = [mask_input("source_mask", steps), mask_input("target_mask", target_steps)]
    source_mask, target_mask = masks if masked else (None, None)
    _, states = encoder.read(x, mask=source_mask, sequences=False, states=True, prefix="encoder_")
    start = hand_over(states, encoder.states, encoder.bidirectional)
    g, _ = decoder.read(y, mask=target_mask, start=start, prefix="decoder_")
    given = [source, target, *(masks if masked else [])]
    return keras.Model(given, decoder.answer(g, classes, activation), name=name)
