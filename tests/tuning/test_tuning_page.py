"""docs/tuning.md: its commands and its code are run as they stand, on little data and for a few steps."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import tuning as measured
from kerasrnn.apps.whale.config import Config
from kerasrnn.tuning import hyper_app

PAGE = (Path(__file__).parents[2] / "docs" / "tuning.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.S | re.M)
COMMANDS = [line for kind, block in BLOCKS if not kind for line in block.splitlines()]
(CODE,) = [block for kind, block in BLOCKS if kind == "python"]
SHORT = ("--set", "epoch_steps=2")


@pytest.fixture
def here(monkeypatch):
    """Trials train in this process, where they take a second."""
    monkeypatch.setattr(hyper_app, "_leaves_memory", lambda: False)


@pytest.fixture
def whales(tiny, tmp_path, monkeypatch):
    """An empty folder to work in, and what to learn from."""
    monkeypatch.chdir(tmp_path)
    return str(tiny("whale").source)


def shortened(line: str, source: str) -> list[str]:
    """The words of one of the page's commands, of a small search."""
    for many, few in (("--trials 20", "--trials 2"), ("--trials 40", "--trials 3"), ("9", "1")):
        line = line.replace(many, few)
    more = ["--data", source] + ["--preset", "tiny"] * ("--preset" not in line)
    return [*shlex.split(line)[1:], *more, *SHORT]


@pytest.mark.usefixtures("here")
def test_a_search_goes_on_and_its_preset_trains(whales, command):
    lines = [line for line in COMMANDS if line.startswith("kerasrnn")]
    assert [line.split()[1] for line in lines] == ["tune", "tune", "train"]
    for line in lines:
        answer = command(*shortened(line, whales))
        assert answer.code == 0, answer.err
    left = {path.name for path in Path("runs/whale-tuned").iterdir()}
    assert left >= {"best.json", "best", "trials.csv", "plots", "trials"}
    assert len(Path("runs/whale-tuned/trials.csv").read_text().splitlines()) == 1 + 3
    best = json.loads(Path("runs/whale-tuned/best.json").read_text())
    run = json.loads(Path("runs/whale/config.json").read_text())["config"]
    assert run["units"] == best["units"]


def test_workers_share_the_trials_of_a_chief(tiny, tmp_path):
    export, *lines = [line for line in COMMANDS if "KERASTUNER_" in line]
    lines.append(lines[1].replace("worker0", "worker1"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port)}
    assert set(re.findall(r"(\w+)=", export)) == set(place)

    def begun(line: str) -> subprocess.Popen:
        role, words = re.fullmatch(r"KERASTUNER_TUNER_ID=(\w+) +kerasrnn (.*)", line).groups()
        words = words.replace("whale --", "char_lm --").replace("--trials 40", "--trials 4")
        words = shlex.split(words.replace("/shared", str(tmp_path)))
        words += ["--data", str(tiny("char_lm").source)]
        words += ["--preset", "tiny", "--tuner", "random", "--epochs", "1", "--no-retrain", *SHORT]
        return subprocess.Popen(
            [sys.executable, "-c", "from kerasrnn.cli import main; main()", *words, "--json"],
            env=os.environ | place | {"KERASTUNER_TUNER_ID": role},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    processes = [begun(line) for line in lines]
    try:
        ended = [process.communicate(timeout=500) for process in processes]
    finally:
        for process in processes:
            process.kill()
    codes = [process.returncode for process in processes]
    late = [err for (_, err), code in zip(ended, codes, strict=True) if code == 2]
    assert all("unless its search has ended" in err for err in late)  # the other had done them all
    assert codes.count(0) + len(late) == 3, ended
    assert codes[0] == 0
    (told, _), *workers = ended
    found = json.loads(told)
    assert [out for out, _ in workers] == ["", ""]
    assert len(found["trials"]) == 4
    assert not [trial for trial in found["trials"] if trial["failure"]]
    done = [err.count(": valid_nats_per_char") for _, err in workers]
    assert sum(done) == 4
    assert (tmp_path / "whale" / "best.json").is_file()


@pytest.mark.usefixtures("here")
def test_a_tuner_by_hand(whales):
    code = CODE.replace("whale_data/", whales).replace(
        '"small"', '"tiny", settings=("epoch_steps=2",)'
    )
    *lines, last = code.replace("max_epochs=9", "max_epochs=2").strip().splitlines()
    names = {}
    exec("\n".join(lines), names)
    assert isinstance(eval(last, names), Config)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("line", [line for line in COMMANDS if "benchmarks" in line])
def test_what_was_measured_can_be_measured_again(line, tiny, monkeypatch, capsys):
    words = line.split("benchmarks.tuning ")[1].split()
    words = ["char_lm" if word == "whale" else word for word in words]
    words += ["--trials", "2"]
    if "--memory" not in words:
        words += ["--data", f"char_lm={tiny('char_lm').source}", "--epochs", "1", "--seeds", "1"]
        words += ["--set", "epoch_steps=2", "--set", "units=8"]
    monkeypatch.setattr(sys, "argv", ["tuning", *words])
    measured.main()
    printed = capsys.readouterr().out
    assert "after the fifth" in printed if "--memory" in words else "char_lm" in printed
