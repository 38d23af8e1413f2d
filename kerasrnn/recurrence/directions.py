"""Two cells in one loop: the rows of one above those of the other, and one batched product a step.

Each set of weights has its part of the rows, which nothing but U tells apart: what a gate reads is a
row's own. So a bidirectional layer is one loop over twice the rows, the second half from the last
step to the first. On a GPU it starts half as many kernels; on a CPU two loops have a core each.
"""

import inspect

from keras import ops

from kerasrnn.cells.base import GateCell
from kerasrnn.recurrence.problem import Operands

# What two cells may differ in: how their weights began, and what they are called.
FREE = ("name", "seed", "trainable")
ENDS = ("initializer", "regularizer", "constraint")


def unlike(one, other) -> str | None:
    """Why two cells cannot share a loop; None if they can, or if only their weights will tell."""
    for cell in (one, other):
        if not isinstance(cell, GateCell) or not cell.gate_form:
            return f"{type(cell).__name__} is not in gate form."
        if cell.built and cell.gate_weights:
            return (
                f"{type(cell).__name__} has weights besides W, U and b, which are one for all rows."
            )
    if type(one) is not type(other) or _kind(one) != _kind(other):
        return "the cells of the two directions have different arguments."
    hidden = (
        inspect.signature(type(one)).parameters.keys()
        - one.get_config().keys()
        - {"kwargs", "options"}
    )
    if hidden:
        return f"{type(one).__name__}.get_config() does not tell {', '.join(sorted(hidden))}."
    return None


def _kind(cell) -> dict:
    """What tells one cell's step from another's: its arguments, and its activations themselves."""
    config = cell.get_config()
    kind = {k: v for k, v in config.items() if k not in FREE and not k.endswith(ENDS)}
    return kind | {k: getattr(cell, k, None) for k in kind if k.endswith("activation")}


def join(sides: list[Operands]) -> Operands:
    """The operands of all cells as those of one, with z for what it is made of."""
    rows = ops.shape(sides[0].start[0])[0]

    def each_rows_own(name):
        vectors = [getattr(side, name) for side in sides]
        if vectors[0] is None:
            return None
        return ops.concatenate([ops.broadcast_to(v, (rows, v.shape[-1])) for v in vectors])

    return Operands(
        _above(side.front for side in sides),
        ops.concatenate([ops.convert_to_tensor(side.kernel)[None] for side in sides]),
        _above(side.start for side in sides),
        each_rows_own("bias"),
        each_rows_own("scale"),
        keep=_above(side.keep for side in sides),
        masks=_above(side.masks for side in sides),
        noise=_above(side.noise for side in sides),
    )


def _above(sides) -> tuple:
    """Tensors (B, …) or (T, B, …) of each side, above each other."""
    return tuple(
        ops.concatenate(each, axis=len(each[0].shape) - 2) for each in zip(*sides, strict=True)
    )


def apart(results, reverse) -> list:
    """Outputs and states of each cell, those of one that ran back in the order of its inputs."""
    outputs, states = results
    sets = len(reverse)
    outputs = [None] * sets if outputs is None else ops.split(outputs, sets)
    outputs = [
        ops.flip(y, axis=1) if back and y is not None else y
        for y, back in zip(outputs, reverse, strict=True)
    ]
    states = zip(*(ops.split(state, sets) for state in states), strict=True)
    return list(zip(outputs, map(list, states), strict=True))
