"""A training that is killed, also while it finishes, ends with the same bits as one that never was."""

import csv
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasrnn.apps import char_lm

SETTINGS = ("cell=gru", "units=8,8", "dropout=0.3", "batch_size=4", "steps=16", "epoch_steps=5")
EPOCHS = 6
PATIENCE = 120  # s; a machine that is busy takes long to import TensorFlow


def reports(folder: Path) -> int:
    """Lines of the history that are on disk."""
    path = folder / "history.csv"
    return len(path.read_text("utf-8").splitlines()) - 1 if path.exists() else 0


def last_stage(folder: Path) -> bool:
    """Whether the trained model is being written, or has been."""
    return any(folder.glob("*model*.keras"))


def killed(source: Path, folder: Path, moment) -> None:
    """Train by the command line, resuming what is there, and kill the process at a moment."""
    words = ["train", "char_lm", "--data", source, "--preset", "tiny", "--out", folder, "--resume"]
    words += [word for setting in SETTINGS for word in ("--set", setting)]
    if not (folder / "config.json").exists():  # it keeps its own limit
        words += ["--epochs", EPOCHS]
    script = "from kerasrnn.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + PATIENCE
    while not moment():
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < end
        time.sleep(0.001)
    time.sleep(random.random() * 0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


def history(folder: Path) -> list[dict]:
    """What the reports said, apart from the time they took."""
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        return [row | {"seconds": None} for row in csv.DictReader(file)]


def arrays(folder: Path) -> list[np.ndarray]:
    """Every number that the trained model's file holds: weights, states, moments of the gradient."""
    model = keras.models.load_model(folder / "model.keras")
    return [variable.numpy() for variable in (*model.weights, *model.optimizer.variables)]


@pytest.fixture(scope="module")
def source(tiny):
    return tiny("char_lm").source


def test_a_training_killed_twice_ends_with_the_same_bits(source, tmp_path, tree):
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / ".part-config-abc.json").write_text("half")  # killed before anything was whole
    killed(source, folder, lambda: reports(folder) >= 1)
    assert 1 <= reports(folder) < EPOCHS
    killed(source, folder, lambda: last_stage(folder))
    run = char_lm.train(source, out=folder, resume=True)

    other = tmp_path / "whole"
    whole = char_lm.train(source, preset="tiny", settings=SETTINGS, epochs=EPOCHS, out=other)
    for ours, theirs in zip(arrays(folder), arrays(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert history(folder) == history(other)
    kept, expected = (
        [path for path in tree(run_folder) if path.parts[0] != "logs"]  # a file for each process
        for run_folder in (folder, other)
    )
    assert kept == expected
    assert run.predict(["the "], length=9) == whole.predict(["the "], length=9)
