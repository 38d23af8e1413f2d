"""Of two processes that train together one is killed: the other ends, and both go on as if nothing had been."""

import csv
import signal
import time
from pathlib import Path

import numpy as np

from tests.training.team import begun, ended

SETTINGS = ("cell=gru", "units=8", "dropout=0.3", "batch_size=4", "steps=16", "epoch_steps=5")
PATIENCE = 300  # s; a machine that is busy takes long to import TensorFlow


def reports(folder: Path) -> int:
    path = folder / "history.csv"
    return len(path.read_text("utf-8").splitlines()) - 1 if path.exists() else 0


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "checkpoints" / "last.npz") as stored:
        return {key: stored[key] for key in stored.files if key != "state"}


def test_a_killed_process_ends_the_other_and_both_go_on_from_the_checkpoint(samples, tmp_path):
    source = samples["char_lm"].write(tmp_path)

    def words(folder: str) -> list:
        common = ["train", "char_lm", "--data", source, "--preset", "tiny", "--epochs", 6]
        common += [word for setting in SETTINGS for word in ("--set", setting)]
        return [*common, "--out", tmp_path / folder, "--resume", "--distribute", "multi-worker"]

    broken = begun(words("broken"))
    end = time.monotonic() + PATIENCE
    while not reports(tmp_path / "broken"):
        assert broken[0].poll() is None, broken[0].communicate()
        assert time.monotonic() < end
        time.sleep(0.005)
    broken[1].terminate()  # as Slurm, Kubernetes and `timeout` do first
    (code, _, said), (other, _, _) = ended(broken)
    assert (code, other) == (2, -signal.SIGTERM)
    (line,) = [line for line in said.splitlines() if line.startswith("kerasrnn:")]
    assert "one of the others is gone" in line
    assert "Traceback" not in said
    assert 1 <= reports(tmp_path / "broken") < 6

    for folder in ("broken", "whole"):
        both = ended(begun(words(folder)))
        assert [code for code, _, _ in both] == [0, 0], both
        assert [out.strip() for _, out, _ in both] == [str(tmp_path / folder), ""]
    found, expected = arrays(tmp_path / "broken"), arrays(tmp_path / "whole")
    assert set(found) == set(expected)
    for key, array in expected.items():
        np.testing.assert_allclose(found[key], array, atol=1e-6, err_msg=key)
    with open(tmp_path / "broken" / "history.csv", encoding="utf-8", newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == [str(5 * k) for k in range(1, 7)]
