"""Half precision and fixed bits: an app is trained, gone on with and exported in either."""

import json
import subprocess
import sys

import keras
import pytest

from kerasrnn.run import Run

APPS = ("char_lm", "whale")


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_goes_on_and_is_exported(app, precision, tiny, command, tmp_path):
    words = ("train", app, "--out", tmp_path / "run", "--resume")
    named = precision if app == APPS[0] else precision.removeprefix("mixed_")
    first = ("--data", tiny(app).source, "--preset", "tiny", "--precision", named)
    short = ("--epochs", 1, "--set", "epoch_steps=8")
    answer = command(*words, *first, *short)
    assert answer.code == 0, answer.err
    assert f"weights in {precision} on" in answer.err
    answer = command(*words, "--epochs", 2)
    assert answer.code == 0, answer.err
    run = Run(tmp_path / "run")
    rows = run.folder.read_history()
    assert [row["step"] for row in rows] == [8, 16]
    assert rows[1]["loss"] < rows[0]["loss"]
    scaled = isinstance(run.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "mixed_float16")
    assert {str(v.dtype) for v in run.model.trainable_variables} == {"float32"}
    halves = {layer.compute_dtype for layer in run.model._flatten_layers()}
    assert precision.removeprefix("mixed_") in halves
    if (app == APPS[0]) == scaled:  # either precision and either app; the command tries the export
        answer = command("export", run.folder.path, "--to", tmp_path / "models", "--name", "half")
        assert answer.code == 0, answer.err


SCRIPT = """
import json, sys
import numpy as np
from kerasrnn.apps import char_lm
from kerasrnn.errors import UserError
source, out = sys.argv[1:]
settings = ("units=4", "epoch_steps=5", "dropout=0.3")
options = {"settings": settings, "epochs": 1, "preset": "tiny", "deterministic": True}
runs = [char_lm.train(source, out=f"{out}/{name}", **options) for name in "ab"]
ours, theirs = (run.model.get_weights() for run in runs)
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled
same = all(map(np.array_equal, ours, theirs))
try:
    char_lm.train(source, out=f"{out}/c", jit="on", **options)
except UserError as error:
    print(json.dumps([is_op_determinism_enabled(), same, str(error)]))
"""


def test_a_deterministic_training_gives_the_same_bits_and_refuses_xla(tiny, tmp_path):
    source = tiny("char_lm").source
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(source), str(tmp_path)], capture_output=True, check=True
    )
    enabled, same, refusal = json.loads(done.stdout)
    assert enabled
    assert same
    assert refusal == "`jit` must be auto or off with --deterministic, got on."
    assert json.loads((tmp_path / "a" / "config.json").read_text())["deterministic"] is True
    assert b"XLA off: a layer runs by cuDNN, or cannot be compiled" in done.stderr
