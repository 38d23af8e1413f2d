"""All that a training is at one moment, in one file that is written whole or not at all."""

import json
import zipfile
from pathlib import Path

import numpy as np

from kerasrnn.errors import UserError
from kerasrnn.files import whole_file


def _variables(model) -> dict:
    """Every variable that decides how the training goes on: weights, states, dropout seeds, moments."""
    held = [(v, f"model/{i}") for i, v in enumerate(model.variables)]
    held += [(v, f"optimizer/{i}") for i, v in enumerate(model.optimizer.variables)]
    return {name: variable for variable, name in held}


def save(path: Path, model, state: dict) -> None:
    """Write the model's variables and `state` (what JSON can hold) to `path`."""
    arrays = {name: variable.numpy() for name, variable in _variables(model).items()}
    arrays = {name: _plain(array) for name, array in arrays.items()}
    text = np.frombuffer(json.dumps(state).encode(), np.uint8)
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, state=text, **arrays)


def _plain(array: np.ndarray) -> np.ndarray:
    """NumPy's own types as they are; others (bfloat16) as float32, which holds them exactly."""
    return array if array.dtype.kind in "biufc" else array.astype(np.float32)


def load(path: Path, model) -> dict:
    """Put a checkpoint's variables into `model` and return its state.

    Raises:
        UserError: if the file is damaged or belongs to another model.
    """
    model.optimizer.build(model.trainable_variables)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            state = json.loads(bytes(stored["state"]))
            variables = _variables(model)
            for name, variable in variables.items():
                if stored[name].shape != tuple(variable.shape):
                    raise KeyError(name)
            for name, variable in variables.items():
                variable.assign(stored[name])
            return state
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"The checkpoint {path} does not fit this run ({error}); start afresh without --resume."
        ) from None
