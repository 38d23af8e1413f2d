"""docs/serving.md: its commands and its code are run as they stand, against a server of an app's export."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from kerasrnn.export.serving_config import docker_command
from kerasrnn.serving import Client

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.S | re.M)
COMMANDS = [line for kind, block in BLOCKS if not kind for line in block.splitlines()]
(CODE,) = [block for kind, block in BLOCKS if kind == "python"]


@pytest.fixture(scope="module")
def book(tiny, running, tmp_path_factory):
    """The export of a tiny run, as the page's first command makes it, served."""
    folder = tmp_path_factory.mktemp("book") / "saved_models"
    shutil.copytree(tiny("char_lm").export, folder / "book" / "1")
    with running(folder) as server:
        yield server


def here(text: str, server) -> str:
    """The page's addresses as this server's."""
    rest, rpc = server.rest.removeprefix("http://"), server.grpc
    return text.replace("127.0.0.1:8501", rest).replace("127.0.0.1:8500", rpc)


def test_the_page_begins_with_an_export_and_a_server(tiny, command, tmp_path, monkeypatch):
    export, serve = (shlex.split(line) for line in COMMANDS[:2])
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    Path("runs/book").symlink_to(tiny("char_lm").path)
    answer = command(*export[1:])
    assert answer.out == "saved_models/book/1\n"
    assert (export[0], serve) == ("kerasrnn", ["kerasrnn", "serve", "saved_models"])
    (shown,) = re.findall(r"^    (docker run .*)$", PAGE, re.M)
    real = docker_command(Path("saved_models"))
    assert shown == real.replace(str(tmp_path), "…")


@pytest.mark.parametrize("line", [line for line in COMMANDS if "--format" in line])
def test_the_other_formats_are_written_as_the_page_says(line, tiny, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    Path("runs/book").symlink_to(tiny("char_lm").path)
    answer = command(*shlex.split(line)[1:])
    assert answer.code == 0
    assert f"`{answer.out.strip()}`" in PAGE


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("curl")])
def test_each_request_on_the_page_is_answered(line, book):
    if shutil.which("curl") is None:
        pytest.skip("curl is not there.")
    words = shlex.split(here(line, book))
    done = subprocess.run(words, capture_output=True, check=True, timeout=60)
    answer = json.loads(done.stdout)
    assert len(COMMANDS) == 8  # each in one of these tests
    assert "error" not in answer
    if "score" in line:
        assert [row["characters"] for row in answer["predictions"]] == [6, 6]
    elif "prompt" in line:
        assert [len(text) for text in [*answer["outputs"]]] == [40]


def test_the_code_on_the_page_runs(book):
    exec(compile(here(CODE, book), "serving.md", "exec"), {})
    client = Client(book.rest)
    assert client.status("book") == {1: "AVAILABLE"}
    answer = client.predict("book", ["the end"], signature="score")
    assert answer["characters"] == [6]


def test_the_pages_defaults_are_the_commands(command):
    said = " ".join(command("serve", "--help").out.split())
    for option, value in re.findall(r"`(--[a-z-]+)` \((\d+)", PAGE):
        shown = re.search(rf"{option} .*?\[default: ([\d.]+)", said)
        assert shown, option
        assert float(shown[1]) == float(value), option
