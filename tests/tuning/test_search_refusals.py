"""Searches that cannot be, or cannot go on, are refused in a sentence."""

import json
from concurrent import futures

import grpc
import pytest

from kerasrnn.errors import UserError
from kerasrnn.settings import replace
from kerasrnn.tuning.search import UNSAID, _require_port
from tests.tuning.searches import CHAR, SMALL, search


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tuner": "grid"}, "A tuner must be one of bayesian, hyperband, random; got 'grid'"),
        ({"trials": 0}, "`trials` must be above 0, got 0"),
        ({"epochs": 0}, "`epochs` must be above 0, got 0"),
        ({"max_minutes": float("nan")}, "`max_minutes` must be above 0, got nan"),
        ({"max_parameters": -1}, "`max_parameters` must be above 0, got -1"),
        ({"seed": -1}, "`seed` must be from 0 to 4,294,967,294, got -1"),
        ({"settings": ("units=0",)}, "`units` must be above 0"),
        ({"settings": ("unitz=4",)}, "Did you mean 'units'"),
        ({"text": "gone.txt"}, "Cannot read .*gone.txt"),
    ],
)
def test_a_search_that_cannot_be_is_refused_in_a_sentence_and_leaves_nothing(
    change, said, text, tmp_path
):
    with pytest.raises(UserError, match=said):
        search(**({"text": text, "folder": tmp_path / "made" / "x"} | change))
    assert not (tmp_path / "made").exists()


def process(monkeypatch, **given):
    """KerasTuner's variables, as `given`."""
    for name, value in given.items():
        monkeypatch.setenv(f"KERASTUNER_{name}", str(value))


@pytest.mark.parametrize(
    "given",
    [
        {"ORACLE_IP": "127.0.0.1"},
        {"TUNER_ID": "chief", "ORACLE_IP": "127.0.0.1"},
        {"TUNER_ID": "worker0"},
        {"ORACLE_IP": "127.0.0.1", "ORACLE_PORT": 7000},
        {"TUNER_ID": "chief", "ORACLE_IP": "", "ORACLE_PORT": 7000},
        {"TUNER_ID": "chief", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": "http"},
        {"TUNER_ID": "worker0", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": 70000},
        {"TUNER_ID": "worker0", "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": 0},
    ],
)
def test_an_environment_of_half_a_process_is_refused_and_leaves_nothing(
    given, text, tmp_path, monkeypatch
):
    process(monkeypatch, **given)
    with pytest.raises(UserError, match=r"needs KERASTUNER_TUNER_ID, .*; got .*: set all three"):
        search(text, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def listening():
    """A gRPC server that knows nothing, and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def test_a_chief_whose_port_is_anothers_is_refused_and_leaves_nothing(text, tmp_path, monkeypatch):
    server, port = listening()
    process(monkeypatch, TUNER_ID="chief", ORACLE_IP="127.0.0.1", ORACLE_PORT=port)
    with pytest.raises(UserError, match=f"must be able to listen at 127.0.0.1:{port}, but"):
        search(text, tmp_path / "made")
    assert not (tmp_path / "made").exists()
    server.stop(None).wait()
    assert _require_port() is _require_port() is None  # it is given back at once


@pytest.mark.usefixtures("few_units")
def test_a_worker_whose_chief_is_lost_says_so(text, tmp_path, monkeypatch):
    server, port = listening()
    process(monkeypatch, TUNER_ID="worker0", ORACLE_IP="127.0.0.1", ORACLE_PORT=port)
    with pytest.raises(UserError, match=r"holds no search.json; give the chief's --out"):
        search(text, tmp_path)
    begun = {"app": "char_lm", **UNSAID, "preset": "tiny", "tuner": "random", "epochs": 2}
    (tmp_path / "search.json").write_text(json.dumps(begun | {"settings": SMALL}))
    with pytest.raises(
        UserError, match=f"one at 127.0.0.1:{port} is lost .UNIMPLEMENTED.: start it"
    ):
        search(text, tmp_path)
    server.stop(None).wait()


def test_numbers_that_cannot_be_searched_and_a_damaged_record_are_refused(
    text, tmp_path, monkeypatch
):
    monkeypatch.setattr(CHAR.file("tune"), "hyperparameters", lambda hp, c: replace(c, units=(0,)))
    with pytest.raises(UserError, match="`units` must be above 0"):
        search(text, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    (tmp_path / "search.json").write_text("{")
    with pytest.raises(UserError, match=r"search.json must be of `kerasrnn tune`, but is damaged"):
        search(text, tmp_path, resume=True)
