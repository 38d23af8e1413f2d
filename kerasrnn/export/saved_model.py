"""Writes a SavedModel as TF Serving wants it, and believes it only once a bare process has had its answers."""

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasrnn.errors import UserError
from kerasrnn.export import ask
from kerasrnn.export.questions import typed
from kerasrnn.export.warmup import write_warmup
from kerasrnn.files import holds_something, require_place, whole_folder
from kerasrnn.recurrence import portable

# of numbers that two processes compute; half precision has 3 or 2 digits
TOLERANCES = {tf.float64: 1e-4, tf.float32: 1e-4, tf.float16: 5e-3, tf.bfloat16: 4e-2}


def next_version(target: Path, add_version: bool) -> Path:
    """The folder that the export goes to.

    Raises:
        UserError: if `target` is taken and `add_version` is not set, or is not a folder of versions,
            or cannot be made.
    """
    require_place(target)
    if not target.exists():
        return target / "1"
    versions = [int(path.name) for path in target.iterdir() if path.name.isdecimal()]
    if not versions and holds_something(target):
        raise UserError(f"{target} holds something else than versions of a model; choose another.")
    if versions and not add_version:
        raise UserError(
            f"The export target exists: {target} holds version {max(versions)}; add version "
            f"{max(versions) + 1} beside it with --add-version, or choose another --name or --to."
        )
    return target / str(max(versions, default=0) + 1)


def export(
    endpoint: dict, questions: list[dict], target: Path, *, add_version: bool = False
) -> Path:
    """Save `endpoint` under the next version of `target`.

    Args:
        endpoint: {signature name: tf.function with an input signature}; they own no variables but
            those of "module", a tf.Module that holds all that the graph uses.
        questions: [{"signature", "inputs"}] asked of the export before it is believed, and kept in it
            as warm-up requests.
    Returns:
        The version's folder.
    Raises:
        RuntimeError: if the saved graph answers otherwise than the functions it was made from.
    """
    version = next_version(target, add_version)
    signatures = {name: function for name, function in endpoint.items() if name != "module"}
    questions = [typed(signatures, question) for question in questions]
    with whole_folder(version) as temporary:
        with portable():
            tf.saved_model.save(endpoint["module"], str(temporary), signatures)
        _compare(temporary, signatures, questions)
        write_warmup(temporary / "assets.extra", target.name, questions)
    return version


def _compare(saved: Path, signatures: dict, questions: list[dict]) -> None:
    """Ask the saved graph, in a process of its own, what the functions here are asked."""
    answers = ask_elsewhere(saved, questions)
    for question, answer in zip(questions, answers, strict=True):
        wanted = signatures[question["signature"]](**question["inputs"])
        for name, value in wanted.items():
            theirs, ours = np.array(answer[name]), np.array(ask.plain(value.numpy()))
            near = TOLERANCES.get(value.dtype)
            same = (
                np.allclose(theirs, ours, rtol=near, atol=near)
                if near is not None
                else np.array_equal(theirs, ours)
            )
            if not same:
                raise RuntimeError(f"The export answers {name} = {theirs}, the model {ours}.")


def ask_elsewhere(saved: Path, questions: list[dict]) -> list[dict]:
    """The answers of a SavedModel in a new process that imports TensorFlow and nothing of kerasrnn."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "questions.json"), Path(folder, "answers.json")
        asked.write_text(json.dumps(questions, default=_plain), "utf-8")
        done = subprocess.run(
            [sys.executable, "-P", ask.__file__, str(saved.absolute()), str(asked), str(answered)],
            cwd=folder,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"The export cannot be loaded by TensorFlow alone:\n{done.stderr}")
        return json.loads(answered.read_text("utf-8"))


def _plain(value):
    """Tensors and bytes as JSON holds them: see `kerasrnn.export.ask`."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode("ascii")}
    return np.asarray(value).tolist()
