"""The states of a stack, each by its name: as inputs, made from a vector, or handed over."""

import keras
from keras import layers, ops

KERAS_NAMES = ("h", "c")  # keras.layers' cells do not name their states; the LSTM's are [h, c]


def named_states(cell) -> dict[str, int]:
    """The states of `cell` and their sizes: {"h": H}, or {"h": H, "c": H}.

    Raises:
        ValueError: if a state of the cell is not a vector, or the states outnumber their names.
    """
    sizes = cell.state_size if isinstance(cell.state_size, list | tuple) else [cell.state_size]
    names = getattr(cell, "states", None) or KERAS_NAMES[: len(sizes)]
    if len(names) != len(sizes) or not all(isinstance(size, int) for size in sizes):
        raise ValueError(
            f"`cell` must have one size, an int, for each of its states {tuple(names)}, "
            f"got {cell.state_size}; name its states in `cell.states`, stack cells by `layers`."
        )
    return dict(zip(names, sizes, strict=True))


def state_inputs(states: dict[str, dict[str, int]]) -> list[list]:
    """An input (B, H) for each state of each layer, named "{layer}_{state}".

    Args:
        states: each layer's name, and its states with their sizes, as `Stack.states` has them.
    """
    return [
        [keras.Input((size,), name=f"{layer}_{state}") for state, size in sizes.items()]
        for layer, sizes in states.items()
    ]


def states_from(vector, states: dict[str, dict[str, int]]) -> list[list]:
    """Each state of each layer from one vector (B, D): s_0 = tanh(v W + b), each by its own W, b.

    Args:
        states: each layer's name, and its states with their sizes, as `Stack.states` has them.
    """
    return [
        [
            layers.Dense(size, activation="tanh", name=f"{layer}_{state}_from")(vector)
            for state, size in sizes.items()
        ]
        for layer, sizes in states.items()
    ]


def hand_over(finals: list[list], states: dict[str, dict[str, int]], merge: str | None):
    """An encoder's last states as a decoder's first, layer by layer.

    Args:
        finals: each layer's last states; the backward ones after the forward ones, if both ways.
        states: the decoder's, as `Stack.states` has them.
        merge: None for one way; both ways: "sum", or "concat" for tanh([s→, s←] W + b).
    """
    if merge is None:
        return finals
    start = []
    for (layer, sizes), final in zip(states.items(), finals, strict=True):
        pairs = zip(sizes.items(), final[: len(sizes)], final[len(sizes) :], strict=True)
        start.append(
            [_merge(pair, size, merge, f"{layer}_{state}") for (state, size), *pair in pairs]
        )
    return start


def _merge(pair: list, size: int, merge: str, name: str):
    if merge == "sum":
        return layers.Add(name=f"{name}_sum")(pair)
    both = layers.Concatenate(name=f"{name}_both")(pair)
    return layers.Dense(size, activation="tanh", name=f"{name}_from")(both)


def like_inputs(inputs: list, states: list) -> list:
    """States in the dtypes of the inputs that take them next; a mixed policy computes in less."""
    return [
        state if state.dtype == start.dtype else ops.cast(state, start.dtype)
        for start, state in zip(inputs, states, strict=True)
    ]
