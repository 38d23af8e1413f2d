"""All that a training is at one moment, in one file that is written whole or not at all."""

import json
from pathlib import Path

import numpy as np
from keras import ops

from kerasrnn.errors import UserError
from kerasrnn.files import DAMAGES, whole_file


def _variables(model, optimizer: bool = True) -> dict:
    """Every variable that decides how the training goes on: weights, states, dropout seeds, moments."""
    held = [(v, f"model/{i}") for i, v in enumerate(model.variables)]
    if optimizer:
        held += [(v, f"optimizer/{i}") for i, v in enumerate(model.optimizer.variables)]
    return {name: variable for variable, name in held}


def snapshot(model) -> list:
    """All that a checkpoint would hold, in memory: for `put_back`."""
    model.optimizer.build(model.trainable_variables)
    return [(variable, ops.copy(variable.value)) for variable in _variables(model).values()]


def put_back(kept: list) -> None:
    """Make a model what it was at `snapshot`."""
    for variable, value in kept:
        variable.assign(value)


def save(path: Path, model, state: dict, *, optimizer: bool = True) -> None:
    """Write the model's variables, its optimizer's unless told not to, and `state` to `path`.

    Args:
        state: what JSON can hold.
    """
    arrays = {name: v.numpy() for name, v in _variables(model, optimizer).items()}
    arrays = {name: _plain(array) for name, array in arrays.items()}
    text = np.frombuffer(json.dumps(state).encode(), np.uint8)
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, state=text, **arrays)


def _plain(array: np.ndarray) -> np.ndarray:
    """NumPy's own types as they are; others (bfloat16) as float32, which holds them exactly."""
    return array if array.dtype.kind in "biufc" else array.astype(np.float32)


def load(path: Path, model, *, optimizer: bool = True) -> dict:
    """Put a checkpoint's variables into `model` and return its state; `optimizer` as it was saved.

    Raises:
        UserError: if the file is damaged or belongs to another model.
    """
    model.optimizer.build(model.trainable_variables)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            state = json.loads(bytes(stored["state"]))
            variables = _variables(model, optimizer)
            for name, variable in variables.items():
                if stored[name].shape != tuple(variable.shape):
                    raise KeyError(name)
            for name, variable in variables.items():
                variable.assign(stored[name])
            return state
    except DAMAGES as error:
        raise UserError(
            f"The checkpoint {path} does not fit this run ({error}); start afresh without --resume."
        ) from None
