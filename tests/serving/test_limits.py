"""What a server gives no request more of: time, bytes and places."""

import http.client
import json
import socket
import time
import urllib.parse

import numpy as np
import pytest

from kerasrnn.serving import Client, GrpcClient, ServingError
from kerasrnn.serving.desk import Limits

WORD = np.array([b"a"], object)


def post(server, body):
    """Status and JSON of a bare request."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.rest).netloc, timeout=60)
    connection.request("POST", "/v1/models/double:predict", body)
    response = connection.getresponse()
    said = json.loads(response.read())
    connection.close()
    return response.status, said


def test_time_size_and_number_of_requests_have_limits(models, running):
    limits = Limits(seconds=1.0, size=100_000, requests=2)
    slow = {"signature_name": "slow", "inputs": [3_000_000]}
    with running(models, limits=limits) as server, GrpcClient(server.grpc) as rpc:
        for body in (b" " * 200_000, iter([b" " * 60_000] * 4)):  # the second in chunks
            code, said = post(server, body)
            assert code == 413
            assert "error" in said
        with pytest.raises(ServingError) as refused:
            rpc.predict("double", {"x": np.zeros((20_000, 2), np.float32), "word": WORD})
        assert refused.value.code == "RESOURCE_EXHAUSTED"
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
