"""The slides that read a sequence and answer at its end, or at each of its steps."""

from itertools import chain
from typing import Unpack

import keras

from kerasrnn.builders.inputs import Reading, mask_input, sequence_input
from kerasrnn.builders.knobs import StackKnobs
from kerasrnn.builders.recurrent import gives_answers
from kerasrnn.builders.stack import Stack
from kerasrnn.builders.states import like_inputs, state_inputs


def many_to_one(
    cell,
    *,
    classes: int,
    inputs: Reading = "features",
    features: int | None = None,
    vocabulary: int | None = None,
    embedding_size: int | None = None,
    steps: int | None = None,
    masked: bool = False,
    activation=None,
    name: str = "many_to_one",
    **stack: Unpack[StackKnobs],
) -> keras.Model:
    """Read the whole sequence, answer once (slides: "many to one"; sentiment classification).

                          y      (B, C)      activation(h_T W + b); logits without activation
                          ↑
        h_1 →  h_2 → … → h_T     (B, H)      `cell`; `layers` of them, one above the other
         ↑      ↑         ↑
        x_1    x_2   …   x_T     (B, T, D)   or (B, T) tokens

    Args:
        cell: a name in `kerasrnn.cells.CELLS`, or a cell; this and `stack`: see `Stack`.
        classes: C.
        inputs, features, vocabulary, embedding_size, steps: see `sequence_input`.
        masked: adds a second input, "mask" (B, T) bool, True where a step counts.
        activation: of the output, such as "softmax".
    Returns:
        An uncompiled model, x → y, or with `masked` [x, mask] → y.
    Raises:
        ValueError: if a knob has none of its values, or two do not go together.
    """
    stack = Stack(cell, **stack).answering(classes)
    read = {"features": features, "vocabulary": vocabulary, "embedding_size": embedding_size}
    start, x = sequence_input("inputs", inputs, steps=steps, **read)
    mask = mask_input("mask", steps) if masked else None
    h, _ = stack.read(x, mask=mask, sequences=False)
    y = stack.answer(h, classes, activation)
    return keras.Model([start, mask] if masked else start, y, name=name)


def many_to_many(
    cell,
    *,
    classes: int,
    inputs: Reading = "features",
    features: int | None = None,
    vocabulary: int | None = None,
    embedding_size: int | None = None,
    steps: int | None = None,
    masked: bool = False,
    carry: bool = False,
    teacher: bool = False,
    activation=None,
    name: str = "many_to_many",
    **stack: Unpack[StackKnobs],
) -> keras.Model:
    """Answer at each step (slides: "many to many", aligned; a language model, frames of a video).

              y_1    y_2   …   y_T          (B, T, C)   activation(h_t W + b), logits without
               ↑      ↑         ↑
        s_0 → h_1 →  h_2 → … → h_T → s_T    (B, H)      `cell`; `layers` of them
               ↑      ↑         ↑
              x_1    x_2   …   x_T          (B, T, D)   or (B, T) tokens

    With `carry` the states come in and go out: s_0 are more inputs, s_T more outputs, each (B, H),
    one for each state of each layer from the bottom, named "lstm_1_h", "lstm_1_c", "lstm_2_h", ….
    Give s_T of a chunk as s_0 of the next (zeros at a start) to train by truncated back-propagation
    through time, to stream, or with T = 1 to generate.

    Args:
        cell: a name in `kerasrnn.cells.CELLS`, or a cell; this and `stack`: see `Stack`.
        classes: C.
        inputs, features, vocabulary, embedding_size, steps: see `sequence_input`.
        masked: adds an input, "mask" (B, T) bool, True where a step counts; the others leave the
            state as it was, and their answers are to be left out of the loss.
        carry: whether states come in and go out.
        teacher: for cell="output_rnn": adds an input, "teacher", the target one step late, (B, T, C)
            or (B, T) tokens, that each step reads in the place of the network's own answer. To let
            it answer alone, give its weights to the same model without.
        activation: of the output, such as "softmax".
    Returns:
        An uncompiled model, x → y, with `masked` or `teacher` [x, (mask,) (teacher,)] → y, and with
        `carry` [x, (mask,) *states] → [y, *states].
    Raises:
        ValueError: if a knob has none of its values, or two do not go together.
    """
    stack = Stack(cell, **stack).answering(classes)
    if carry:
        stack.require_one_way("a backward reading starts at the end, so it has nothing to carry on")
    read = {"features": features, "vocabulary": vocabulary, "embedding_size": embedding_size}
    start, x = sequence_input("inputs", inputs, steps=steps, **read)
    mask = mask_input("mask", steps) if masked else None
    states = state_inputs(stack.states) if carry else None
    right, answers = _teacher(cell, inputs, classes, steps, carry) if teacher else (None, {})
    h, finals = stack.read(x, mask=mask, start=states, states=carry, **answers)
    y = stack.answer(h, classes, activation)
    given = [tensor for tensor in (start, mask, right) if tensor is not None]
    if not carry:
        return keras.Model(given if len(given) > 1 else start, y, name=name)
    into, out = list(chain(*states)), list(chain(*finals))
    return keras.Model([*given, *into], [y, *like_inputs(into, out)], name=name)


def _teacher(cell, inputs: Reading, classes: int, steps: int | None, carry: bool):
    """The input "teacher", and what `Stack.read` takes of it."""
    if carry or not gives_answers(cell):
        raise ValueError(
            f"`teacher` needs a cell that reads its own answers, such as 'output_rnn', and "
            f"carry=False, got cell={cell!r}, carry={carry}."
        )
    reading = "features" if inputs == "features" else "one_hot"
    width = {"features" if inputs == "features" else "vocabulary": classes}
    given, right = sequence_input("teacher", reading, steps=steps, **width)
    return given, {"teacher": right}
