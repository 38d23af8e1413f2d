"""What a server gives no request more of: time, bytes and places."""

import gzip
import http.client
import json
import socket
import time
import urllib.parse
from pathlib import Path

import numpy as np
import pytest

from kerasrnn.serving import Client, GrpcClient, ServingError
from kerasrnn.serving.desk import Limits

WORD = np.array([b"a"], object)


def post(server, body, headers=None):
    """Status and JSON of a bare request."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.rest).netloc, timeout=60)
    connection.request("POST", "/v1/models/double:predict", body, headers or {})
    response = connection.getresponse()
    said = json.loads(response.read())
    connection.close()
    return response.status, said


def test_time_size_and_number_of_requests_have_limits(models, running):
    limits = Limits(seconds=1.0, size=100_000, requests=2, rows=3)
    slow = {"signature_name": "slow", "inputs": [3_000_000]}
    with running(models, limits=limits) as server, GrpcClient(server.grpc) as rpc:
        for body in (b" " * 200_000, iter([b" " * 60_000] * 4)):  # the second in chunks
            code, said = post(server, body)
            assert code == 413
            assert "error" in said
        with pytest.raises(ServingError) as refused:
            rpc.predict("double", {"x": np.zeros((20_000, 2), np.float32), "word": WORD})
        assert refused.value.code == "RESOURCE_EXHAUSTED"
        rows = {"x": np.zeros((4, 2), np.float32), "word": WORD.repeat(4)}
        with pytest.raises(ServingError, match="400: 'word' must have 3 rows at most, got 4"):
            Client(server.rest).predict("double", {"x": rows["x"], "word": ["a"] * 4})
        with pytest.raises(ServingError, match="must have 3 rows at most, got 4") as refused:
            rpc.predict("double", rows)
        assert refused.value.code == "INVALID_ARGUMENT"
        with pytest.raises(ServingError, match="504: It took longer than 1 s") as refused:
            Client(server.rest).predict("double", slow["inputs"], signature="slow")
        with pytest.raises(ServingError) as refused:
            rpc.predict("double", {"count": np.int32([3_000_000])}, signature="slow")
        assert refused.value.code == "DEADLINE_EXCEEDED"
        place = urllib.parse.urlsplit(server.rest)
        held = [socket.create_connection((place.hostname, place.port)) for _ in range(2)]
        for one in held:  # the body never comes
            one.sendall(
                b"POST /v1/models/double:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
            )
        time.sleep(0.3)
        with pytest.raises(ServingError, match="503: 2 requests are under way"):
            Client(server.rest).status("double")
        with pytest.raises(ServingError, match="2 requests are under way") as refused:
            rpc.status("double")
        assert refused.value.code == "UNAVAILABLE"
        assert [one.recv(12) for one in held] == [b"HTTP/1.1 504"] * 2
        assert rpc.status("double") == {1: "AVAILABLE"}
        for one in held:
            one.close()


def test_a_zipped_body_is_answered_and_one_that_unfolds_past_the_limit_is_refused(served):
    zipped = {"Content-Encoding": "gzip"}
    body = json.dumps({"inputs": {"x": [[1, 2]], "word": ["a"]}}).encode()
    code, said = post(served, gzip.compress(body), zipped)
    assert (code, said["outputs"]["y"]) == (200, [6.0])
    bomb = gzip.compress(bytes(2**29))  # 512 KB of 512 MB
    before = resident()
    code, said = post(served, bomb, zipped)
    assert code == 413
    assert resident() - before < 256  # MiB, half of what it unfolds to
    for bad in (gzip.compress(body)[:-20], b"\x1f\x8b" + bytes(30), body):
        code, said = post(served, bad, zipped)
        assert (code, list(said)) == (400, ["error"])


def resident() -> float:
    """Megabytes of this process in memory."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x)
    return int(line.split()[1]) / 1024


def test_heads_that_are_too_long_or_too_slow_get_no_answer_of_the_model(models, running):
    with running(models, limits=Limits(idle=1.0)) as server:
        place = urllib.parse.urlsplit(server.rest)
        start = b"GET /v1/models/double HTTP/1.1\r\n"
        for bomb in (b"A: " + b"a" * 100_000, b"".join(b"A%d: b\r\n" % k for k in range(5000))):
            with socket.create_connection((place.hostname, place.port)) as one:
                one.sendall(start + bomb + b"\r\n\r\n")
                assert one.recv(12) == b"HTTP/1.0 400"
        with socket.create_connection((place.hostname, place.port)) as one:
            one.settimeout(20)
            begun, got = time.monotonic(), None
            one.sendall(start)
            while got is None and time.monotonic() - begun < 15:  # a byte now and then
                time.sleep(0.2)
                try:
                    one.sendall(b"a")
                    one.setblocking(False)
                    got = one.recv(12)
                except BlockingIOError:
                    pass
                except ConnectionError:
                    got = b""
                one.setblocking(True)
        assert got == b""
        assert Client(server.rest).status("double") == {1: "AVAILABLE"}
