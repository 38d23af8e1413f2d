"""The keywords that every builder takes for its stack of recurrent layers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

Merge = Literal["concat", "sum"]
Depth = Literal[
    "stacked",
    "stacked_shortcut",
    "input_to_hidden",
    "input_to_hidden_shortcut",
    "hidden_to_hidden_and_output",
    "hidden_to_hidden_shortcut_and_output",
]


class StackKnobs(TypedDict, total=False):
    """The keywords that every builder takes for its stack; `Stack` holds their defaults."""

    units: int | Sequence[int]  # H, for all layers or for each; a cell instance has its own
    cell_options: Mapping[str, Any]  # of a cell that comes by name, such as {"tau": 4.0}
    layers: int  # recurrent layers, one above the other
    bidirectional: Merge | None  # a second reading from the end, and how the two are merged
    depth: Depth  # one of the ways to depth that `Stack` shows
    depth_layers: int  # dense tanh layers that `depth` adds at each of its places
    dropout: float  # share dropped between layers and before the output, anew at each step
    recurrent_dropout: float  # share of h_{t-1} dropped in the cells, alike at all steps
    state_regularizer: Any  # a penalty on h_1 … h_T of each layer, as `NormStabilizer`; or None
