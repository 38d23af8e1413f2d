"""kerasrnn serve as a command: what it prints, how it stops, what it refuses to begin with."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from kerasrnn.serving import Client, GrpcClient

COMMAND = [sys.executable, "-c", "from kerasrnn.cli import main; main()", "serve"]


@pytest.fixture(scope="module")
def process(models):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    words = [*COMMAND, str(models), "--rest-port", "0", "--grpc-port", "0", "--timeout", "100"]
    process = subprocess.Popen(words, **pipes)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_prints_where_it_is_and_a_stop_answers_what_is_under_way(process):
    rest = process.stdout.readline().split()
    rpc = process.stdout.readline().split()
    assert (rest[0], rpc[0]) == ("REST", "gRPC")
    with GrpcClient(rpc[1]) as client:
        assert client.status("triple") == {1: "AVAILABLE"}
    client, got = Client(rest[1]), []
    assert client.predict("double", [3], signature="slow") == [3]
    count = 2_000_000
    thread = threading.Thread(
        target=lambda: got.append(client.predict("double", [count], signature="slow"))
    )
    thread.start()
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGTERM)
    thread.join(100)
    assert got == [[count]]
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0
    assert out == ""
    said = err.splitlines()
    assert [line.split(" is served; ")[0] for line in said[:2]] == ["double 1", "triple 1"]
    assert said[2:] == ["Stopping: requests under way are answered, no more are taken."]
    with pytest.raises(ConnectionRefusedError):
        client.status("double")


def test_what_cannot_be_served_is_said_in_one_line(command, models, tmp_path):
    (tmp_path / "bad" / "1").mkdir(parents=True)
    (tmp_path / "bad" / "1" / "saved_model.pb").write_bytes(b"half")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for words, why in (
            ((tmp_path / "none",), "is not a folder of models"),
            ((tmp_path / "bad",), "can be loaded"),
            ((models / "double" / "1",), "is one version of a model"),
            ((models, "--rest-port", port, "--grpc-port", 0), "Cannot listen on 127.0.0.1, REST"),
            ((models, "--rest-port", 0, "--grpc-port", port), f"port {port} is taken"),
            ((models, "--batch", 0), "--batch"),
        ):
            answer = command("serve", *words)
            assert answer.code == 2
            assert answer.out == ""
            last = answer.err.splitlines()[-1]
            assert last.startswith("kerasrnn: ")
            assert why in last
