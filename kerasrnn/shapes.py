"""The letters that name an axis everywhere in kerasrnn, and the one check that speaks them.

| letter | axis |
|---|---|
| B | batch: independent sequences |
| T | time: steps of a sequence |
| D | input features of a step |
| H | hidden units |
| C | classes of an output |
| V | vocabulary: distinct tokens |
| L | labels of a target sequence |
| K | beams kept by a search |
"""

AXES = {
    "B": "batch",
    "T": "time",
    "D": "features",
    "H": "units",
    "C": "classes",
    "V": "vocabulary",
    "L": "labels",
    "K": "beams",
}


def check_axes(name: str, shape, axes: str, hint: str = "") -> None:
    """Require `shape` to have one size for each letter of `axes`.

    Args:
        name: the argument's name, as its caller wrote it.
        shape: any sequence of sizes; None stands for an unknown size.
        axes: letters of `AXES`, such as "BTD".
        hint: what to do about it, a clause; said after the shape that came.
    Raises:
        ValueError: if the number of axes differs.
    """
    if len(shape) != len(axes):
        words = ", ".join(AXES[letter] for letter in axes)
        hint = f"; {hint}" if hint else ""
        raise ValueError(f"`{name}` must have axes ({words}), got shape {tuple(shape)}{hint}.")
