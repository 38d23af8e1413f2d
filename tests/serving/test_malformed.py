"""Requests that nobody meant: each gets its code, and the server goes on."""

import random

import grpc
import numpy as np
import pytest

from benchmarks import malformed
from kerasrnn.serving import Client
from kerasrnn.serving.desk import Limits

INPUTS = {"x": np.float32([[1, 2]]), "word": np.array([b"a"], object)}
LIMIT = 200_000


@pytest.fixture(scope="module")
def target(models, running):
    with running(models, limits=Limits(size=LIMIT, seconds=20)) as server:
        ports = server.server.rest_port, server.server.grpc_port
        yield malformed.Target("127.0.0.1", *ports, "double", INPUTS, LIMIT)
        client = Client(server.rest)
        assert client.predict("double", {"x": [[1, 2]], "word": ["a"]})["y"] == [6.0]


def test_each_of_many_random_rest_requests_gets_4xx_or_was_cut(target):
    rng, seen = random.Random(0), set()
    for _ in range(120):
        kind, code = malformed.send_rest(target, rng)
        assert (code is None) == (kind == "cut"), (kind, code)
        assert code is None or code in malformed.REFUSED, (kind, code)
        seen.add(kind)
    assert seen == {"body", "path", "huge", "cut", "no HTTP"}


def test_each_of_many_random_grpc_requests_gets_the_code_that_is_right(target):
    rng = random.Random(0)
    with grpc.insecure_channel(f"{target.host}:{target.grpc_port}") as channel:
        for _ in range(80):
            kind, code, right = malformed.send_rpc(channel, target, rng)
            assert right, (kind, code)


def test_the_log_holds_no_word_of_them(target, caplog):
    rng = random.Random(1)
    with grpc.insecure_channel(f"{target.host}:{target.grpc_port}") as channel:
        for _ in range(40):
            malformed.send_rest(target, rng)
            malformed.send_rpc(channel, target, rng)
    assert not caplog.records
