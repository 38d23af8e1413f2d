"""The slides that read one vector and answer once, or with a sequence."""

from typing import Literal, Unpack, get_args

import keras
from keras.layers import RepeatVector, Reshape

from kerasrnn.builders.checks import require_one_of, require_size
from kerasrnn.builders.inputs import Reading, mask_input, target_input
from kerasrnn.builders.knobs import StackKnobs
from kerasrnn.builders.recurrent import AtEachStep
from kerasrnn.builders.stack import Stack
from kerasrnn.builders.states import states_from


def one_to_one(
    cell,
    *,
    features: int,
    classes: int,
    activation=None,
    name: str = "one_to_one",
    **stack: Unpack[StackKnobs],
) -> keras.Model:
    """Read one vector, answer once (slides: "one to one"; a vanilla neural network).

         y     (B, C)   activation(h W + b), logits without activation
         ↑
         h     (B, H)   one step of `cell` from the zero state; the simple cell: tanh(x W + b)
         ↑
         x     (B, D)

    The other patterns' first step, for comparing with them. U, which meets only the zero state,
    has no effect.

    Args:
        cell: a name in `kerasrnn.cells.CELLS`, or a cell; this and `stack`: see `Stack`.
        features: D.
        classes: C.
        activation: of the output, such as "softmax".
    Returns:
        An uncompiled model, x → y.
    Raises:
        ValueError: if a knob has none of its values, or two do not go together.
    """
    stack = Stack(cell, **stack).answering(classes)
    stack.require_one_way("one step reads the same both ways")
    require_size("features", features, "it is the length of the input vector")
    x = keras.Input((features,), name="inputs")
    h, _ = stack.read(Reshape((1, features), name="one_step")(x), sequences=False)
    return keras.Model(x, stack.answer(h, classes, activation), name=name)


def one_to_many(
    cell,
    *,
    features: int,
    classes: int,
    inputs: Reading | Literal["vector"] = "features",
    condition: Literal["state", "input", "both"] | None = None,
    embedding_size: int | None = None,
    steps: int | None = None,
    masked: bool = False,
    activation=None,
    name: str = "one_to_many",
    **stack: Unpack[StackKnobs],
) -> keras.Model:
    """Answer one vector with a sequence (slides: "one to many"; image → sequence of words).

                        y_1    y_2   …   y_T     (B, T, C)   activation(h_t W + b), logits without
                         ↑      ↑         ↑
        v → tanh → s_0 → h_1 →  h_2 → … → h_T    (B, H)      `cell`; s_0 = tanh(v W_s + b_s)
                         ↑      ↑         ↑
                        y_0    y_1   …  y_{T-1}  (B, T)      the target, one step late: "target"

    v (B, D), such as the features of an image, makes the initial state: a dense tanh layer for each
    state of each layer. Each step then reads the token before the one that it is to answer (teacher
    forcing), y_0 being the start token; C is the vocabulary. With inputs="vector" there is no
    target: each of the `steps` steps reads v again.

    `condition` says where v goes (deck 002, "P(y|x)"): into the initial "state" as drawn, beside
    the "input" of each step, [y_{t-1}, v], from a zero state; or "both".

    Args:
        cell: a name in `kerasrnn.cells.CELLS`, or a cell; this and `stack`: see `Stack`.
        features: D of the vector.
        classes: C, and the vocabulary (or the features) of the target.
        inputs: how the target is read, "features", "one_hot" or "embedding" (see
            `sequence_input`), or "vector".
        condition: "state", "input" or "both"; None for "state", with inputs="vector" for "both".
        embedding_size: of the target's tokens, for "embedding".
        steps: T, or None for any length; needed for "vector".
        masked: adds an input, "target_mask" (B, T) bool, True where a step counts.
        activation: of the output, such as "softmax".
    Returns:
        An uncompiled model, [v, target(, target_mask)] → y, or with "vector" v → y.
    Raises:
        ValueError: if a knob has none of its values, or two do not go together.
    Source: Xu et al. 2015, arXiv:1502.03044, section 3.1.2 (the initial states).
    """
    stack = Stack(cell, **stack).answering(classes)
    stack.require_one_way("an answer cannot be read before it is given")
    require_one_of("inputs", inputs, (*get_args(Reading), "vector"))
    require_size("features", features, "it is the length of the input vector")
    condition = _require_condition(condition, inputs)
    vector = keras.Input((features,), name="inputs")
    start = None if condition == "input" else states_from(vector, stack.states)
    mask = mask_input("target_mask", steps) if masked else None
    if inputs == "vector":
        _require_no_target(steps, masked, embedding_size)
        given, x = vector, RepeatVector(steps, name="each_step")(vector)
    else:
        target, x = target_input(inputs, classes, embedding_size, steps)
        x = x if condition == "state" else AtEachStep(name="with_inputs")([x, vector])
        given = [vector, target, mask] if masked else [vector, target]
    h, _ = stack.read(x, mask=mask, start=start)
    y = stack.answer(h, classes, activation)
    return keras.Model(given, y, name=name)


def _require_condition(condition: str | None, inputs: str) -> str:
    if condition is None:
        return "both" if inputs == "vector" else "state"
    require_one_of("condition", condition, ("state", "input", "both"))
    if inputs == "vector" and condition == "state":
        raise ValueError(
            '`condition` must be "input" or "both" with inputs="vector", whose steps read nothing '
            'else, got "state".'
        )
    return condition


def _require_no_target(steps, masked, embedding_size):
    require_size("steps", steps, 'inputs="vector" needs the length of its answer')
    if masked or embedding_size is not None:
        raise ValueError(
            '`masked` and `embedding_size` must be left out with inputs="vector", which has no '
            f"target, got masked={masked}, embedding_size={embedding_size}."
        )
