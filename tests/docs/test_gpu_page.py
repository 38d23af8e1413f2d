"""docs/gpu.md: its commands are run as they stand, with the preset that takes seconds."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gpu.md").read_text("utf-8")
COMMANDS = [
    line for block in re.findall(r"```\n(.*?)```", PAGE, re.S) for line in block.splitlines()
]
TRAININGS = [line for line in COMMANDS if line.startswith("kerasrnn train")]
SHORT = ["--set", "epoch_steps=16", "--set", "units=8", "--set", "max_chars=3000"]


@pytest.fixture(scope="module")
def place(tiny, tmp_path_factory):
    """A folder with the text that the page reads."""
    folder = tmp_path_factory.mktemp("gpu")
    shutil.copy(tiny("char_lm").source, folder / "book.txt")
    return folder


def test_every_training_on_the_page_runs(place, command, monkeypatch):
    monkeypatch.chdir(place)
    for line in TRAININGS:
        words = shlex.split(line.replace("--preset base", "--preset tiny"))[1:]
        if "--resume" not in words:
            words += SHORT + ([] if "--epochs" in words else ["--epochs", "2"])
        words = [word.replace("batch_size=25", "batch_size=2") for word in words]
        if (
            "--deterministic" in words
        ):  # for good in a process: tests/training/test_precision.py has its own
            words.remove("--deterministic")
        answer = command(*words)
        assert answer.code == 0, (line, answer.err)
        assert Path(answer.out.strip(), "model.keras").is_file()
    config = json.loads(Path("runs/book/config.json").read_text())
    assert config["precision"] == "mixed_bfloat16"
    assert config["config"]["learning_rate"] == 0.001
    assert json.loads(Path("runs/parts/config.json").read_text())["config"]["accumulate"] == 4
    metrics = json.loads(Path("runs/book/metrics.json").read_text())
    for name in re.findall(r"`(\w+)`", PAGE.split("keeps the same as")[1].split(".\n")[0]):
        assert name in metrics or name.startswith("gpu"), name
    assert list(Path("runs/profiled/logs").rglob("*.xplane.pb"))


def test_the_other_commands_are_known_and_do_what_is_said(place):
    install, devices, board = (line for line in COMMANDS if line not in TRAININGS)
    pip = [sys.executable, "-m", *shlex.split(install), "--dry-run", "--no-deps", "--no-index"]
    assert "already satisfied" in subprocess.run(pip, capture_output=True, text=True).stdout
    words = [sys.executable, *shlex.split(devices)[1:]]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\[.*\]", done.stdout.strip())
    words = shlex.split(board.replace("6006", "0").replace("runs/profiled/logs", str(place)))
    tensorboard = Path(sys.executable).with_name(words[0])
    with subprocess.Popen(
        [tensorboard, *words[1:]], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert any("at http://localhost:" in line for line in server.stderr)
        finally:
            server.kill()


def test_what_the_page_says_a_resumed_run_may_change_is_what_it_may():
    from kerasrnn.training.resume import CHANGEABLE
    from kerasrnn.training.watch import EXPLODED, FIRST

    said = re.search(r"`--resume` may change (.*?), and the two limits", PAGE)[1]
    assert tuple(re.split(r", | and ", said)) == CHANGEABLE
    assert f"above {EXPLODED:g} times the largest of the first ten batches" in PAGE
    assert FIRST == 10
