"""JSON ⇄ arrays, by the rules of TF Serving's REST interface.

Rows: {"instances": [row, …]} → {"predictions": [row, …]}; a row is an object of all inputs, or the value
itself where there is one. Columns: {"inputs": {name: value}} → {"outputs": …}. Bytes are {"b64": text}; on
the way out, strings of an output whose name ends with `_bytes` are. Other strings are written as UTF-8.
"""

import base64
import binascii
import itertools

import numpy as np

from kerasrnn.serving.refusal import Refusal, invalid

WHOLE = {np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)}
DECIMAL = {np.dtype("float32"), np.dtype("float64")}
BOOL, STRING = np.dtype("bool"), np.dtype("object")
DEEPEST = 32  # axes that NumPy 1 had; no tensor has more


def read(document, inputs: dict[str, np.dtype]) -> tuple[dict[str, np.ndarray], bool]:
    """The arrays of a predict request, and whether it came in rows.

    Args:
        document: the request's JSON.
        inputs: the signature's names and kinds; strings are kind `object`.
    Raises:
        Refusal: if the request is not one for these inputs.
    """
    if ("instances" in document) == ("inputs" in document):
        raise invalid("A request must hold either 'instances' (rows) or 'inputs' (columns).")
    if "instances" in document:
        return _rows(document["instances"], inputs), True
    return _columns(document["inputs"], inputs), False


def _rows(rows, inputs: dict[str, np.dtype]) -> dict[str, np.ndarray]:
    if not isinstance(rows, list) or not rows:
        raise invalid("'instances' must be a list of one or more rows.")
    if not _named(rows[0]):
        if len(inputs) > 1:
            raise invalid(f"Each row of 'instances' must be an object of {_names(inputs)}.")
        return {name: array(rows, kind, name) for name, kind in inputs.items()}
    for number, row in enumerate(rows):
        if not _named(row) or row.keys() != inputs.keys():
            raise invalid(f"Row {number} of 'instances' must be an object of {_names(inputs)}.")
    return {name: array([row[name] for row in rows], kind, name) for name, kind in inputs.items()}


def _columns(columns, inputs: dict[str, np.dtype]) -> dict[str, np.ndarray]:
    if not _named(columns):
        if len(inputs) > 1:
            raise invalid(f"'inputs' must be an object of {_names(inputs)}.")
        return {name: array(columns, kind, name) for name, kind in inputs.items()}
    if columns.keys() != inputs.keys():
        raise invalid(f"'inputs' must be an object of {_names(inputs)}.")
    return {name: array(columns[name], kind, name) for name, kind in inputs.items()}


def _named(value) -> bool:
    return isinstance(value, dict) and value.keys() != {"b64"}


def _names(inputs: dict) -> str:
    return "{" + ", ".join(sorted(inputs)) + "}"


def array(value, kind: np.dtype, name: str) -> np.ndarray:
    """A nested list of JSON values as an array of `kind`.

    Raises:
        Refusal: if the lists' lengths differ, or a value cannot be of that kind without loss.
    """
    shape, inner = [], value
    while isinstance(inner, list):
        shape.append(len(inner))
        if len(shape) > DEEPEST:
            raise invalid(f"'{name}' must have {DEEPEST} axes or fewer.")
        inner = inner[0] if inner else None
    leaves = [value]
    for length in shape:
        if not all(isinstance(item, list) and len(item) == length for item in leaves):
            raise invalid(f"'{name}' must be a tensor: its lists have different lengths.")
        leaves = list(itertools.chain.from_iterable(leaves))
    return _flat(leaves, kind, name).reshape(shape)


def _flat(leaves: list, kind: np.dtype, name: str) -> np.ndarray:
    kinds = set(map(type, leaves))
    if kind == STRING and kinds <= {str, dict}:
        flat = np.empty(len(leaves), object)
        flat[:] = [_string(leaf, name) for leaf in leaves]
        return flat
    allowed = {int} if kind in WHOLE else {bool} if kind == BOOL else {int, float}
    if kind not in WHOLE | DECIMAL | {BOOL, STRING}:
        raise Refusal("UNIMPLEMENTED", f"'{name}' is of kind {kind}, which JSON cannot carry.")
    if kind == STRING or not kinds <= allowed:
        wanted = "strings" if kind == STRING else f"values of kind {kind}"
        raise invalid(f"'{name}' must hold {wanted} in lists of one length.")
    try:
        flat = np.array(leaves, np.float64 if kind in DECIMAL else kind)
        good = kind not in DECIMAL or _lossless(flat, leaves, kind, int in kinds)
    except OverflowError:
        good = False
    if not good:
        raise invalid(f"'{name}' holds a number that {kind} cannot hold without loss.")
    return flat.astype(kind)


def _lossless(flat: np.ndarray, leaves: list, kind: np.dtype, whole: bool) -> bool:
    """Whether decimals are within the kind's range, and whole numbers among them kept to the last digit."""
    widest = 2 ** (np.finfo(kind).nmant + 1)
    if whole and any(type(leaf) is int and abs(leaf) >= widest for leaf in leaves):
        return False
    return not (np.isfinite(flat) & (np.abs(flat) > np.finfo(kind).max)).any()


def _string(value, name: str) -> bytes:
    try:
        if isinstance(value, str):
            return value.encode("utf-8")
        text = value["b64"]
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except UnicodeEncodeError:
        raise invalid(f"'{name}' holds half a surrogate pair, which is no text.") from None
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise invalid(f"'{name}' must hold strings or bytes as {{'b64': base64}}.") from None


def written(outputs: dict[str, np.ndarray], rows: bool) -> dict:
    """The JSON of an answer: one row an instance, or a column an output; a single output goes without its name.

    Raises:
        Refusal: if rows are wanted of outputs that have none, or not equally many.
    """
    plain = {name: _plain(name, value) for name, value in outputs.items()}
    if not rows:
        return {"outputs": plain if len(plain) > 1 else next(iter(plain.values()))}
    sizes = {name: value.shape[0] if value.ndim else None for name, value in outputs.items()}
    if None in sizes.values() or len(set(sizes.values())) > 1:
        raise invalid(f"These outputs have no rows in common ({sizes}): ask in columns ('inputs').")
    if len(plain) == 1:
        return {"predictions": next(iter(plain.values()))}
    return {
        "predictions": [
            dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)
        ]
    }


def _plain(name: str, value: np.ndarray):
    if value.dtype != STRING:
        return (
            value.astype("float32").tolist()
            if value.dtype.itemsize == 2 and value.dtype.kind in "fV"
            else value.tolist()
        )
    if name.endswith("_bytes"):
        return _each(value.tolist(), lambda item: {"b64": base64.b64encode(item).decode("ascii")})
    return _each(value.tolist(), lambda item: item.decode("utf-8", "replace"))


def _each(value, change):
    return [_each(item, change) for item in value] if isinstance(value, list) else change(value)
