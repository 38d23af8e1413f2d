"""Requests to a running server, over both protocols: answers, and the server's codes."""

import http.client
import json
import threading
import time
import urllib.parse

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.serving import Client, GrpcClient, ServingError

ROWS = {"x": [[1.0, 2.0], [3.0, 4.0]], "word": ["ü", "b"]}


@pytest.fixture
def rest(served):
    return Client(served.rest)


@pytest.fixture
def rpc(served):
    with GrpcClient(served.grpc) as client:
        yield client


def ask(server, method, path, body=None):
    """Status and JSON of a bare request."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.rest).netloc, timeout=60)
    connection.request(method, path, body)
    response = connection.getresponse()
    said = response.read()
    connection.close()
    assert response.headers["Content-Type"].startswith("application/json")
    return response.status, json.loads(said)


def test_columns_rows_and_grpc_give_the_same_answers(rest, rpc):
    columns = rest.predict("double", ROWS)
    assert columns["y"] == [6.0, 14.0]
    assert columns["word"] == ["ü", "b"]
    assert columns["word_bytes"] == ["ü".encode() + b"\xff", b"b\xff"]
    rows = [dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)]
    assert rest.predict("double", instances=rows) == [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ]
    arrays = rpc.predict("double", ROWS)
    assert arrays["y"].tolist() == [6.0, 14.0]
    assert arrays["y"].dtype == np.float32
    assert arrays["word_bytes"].tolist() == columns["word_bytes"]
    assert list(rpc.predict("double", ROWS, outputs=("y",))) == ["y"]
    assert rest.predict("triple", ROWS, version=1)["y"] == [9.0, 21.0]


def test_every_kind_and_a_scalar_pass_both_protocols(rest, rpc):
    given = {"flag": [True, False], "whole": [2**60, -1], "small": [0, 254]}
    wanted = {"flag": [False, True], "whole": [-(2**60), 1], "small": [1, 255]}
    assert rest.predict("double", given, signature="kinds") == wanted
    kinds = {"flag": bool, "whole": np.int64, "small": np.uint8}
    arrays = {name: np.array(value, kinds[name]) for name, value in given.items()}
    got = rpc.predict("double", arrays, signature="kinds")
    assert {name: value.tolist() for name, value in got.items()} == wanted
    assert rest.predict("double", 7, signature="scalar") == 8
    assert rpc.predict("double", {"n": 7}, signature="scalar")["next"] == 8
    assert rest.predict("double", np.zeros((2, 0)), signature="ragged") == [[], []]


def test_many_at_once_each_get_their_own_answer(served):
    got = {}

    def one(number):
        inputs = {"x": [[number, 1.0]], "word": [str(number)]}
        if number % 2:
            answer = Client(served.rest).predict("double", inputs)
            got[number] = answer["y"], answer["word"]
        else:
            with GrpcClient(served.grpc) as client:
                answer = client.predict(
                    "double",
                    {k: np.array(v) for k, v in inputs.items()} | {"x": np.float32(inputs["x"])},
                )
                got[number] = answer["y"].tolist(), [word.decode() for word in answer["word"]]

    threads = [threading.Thread(target=one, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert got == {number: ([2.0 * number + 2], [str(number)]) for number in range(40)}


def test_a_signature_that_is_not_row_by_row_still_answers_each(served):
    got = []
    ask = lambda: got.append(Client(served.rest).predict("double", [1, 1, 2], signature="unlike"))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert got == [[1, 2]] * 8


def test_status_and_metadata_are_those_of_the_model(rest, rpc, served):
    assert rest.status("double") == rpc.status("double") == {1: "AVAILABLE"}
    assert rest.status("double", 1) == rpc.status("double", 1) == {1: "AVAILABLE"}
    code, said = ask(served, "GET", "/v1/models/double")
    assert said == {
        "model_version_status": [
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }
    code, said = ask(served, "GET", "/v1/models/double/versions/1/metadata")
    assert code == 200
    assert said["model_spec"] == {"name": "double", "signature_name": "", "version": "1"}
    loaded = tf.saved_model.load(str(served.shelf.find("double").path)).signatures
    for signatures in (rest.metadata("double"), rpc.metadata("double")):
        assert set(loaded) <= set(signatures)
    info = rest.metadata("double")["serving_default"]["inputs"]["x"]
    assert info["dtype"] == "DT_FLOAT"
    assert [axis["size"] for axis in info["tensor_shape"]["dim"]] == ["-1", "2"]
    assert rpc.metadata("double")["serving_default"].inputs["x"].dtype == tf.float32


GOOD = json.dumps({"inputs": ROWS})
NEGATIVE = json.dumps({"inputs": ROWS | {"x": [[-1, 0], [0, 0]]}})
REFUSED = [
    ("POST", "/v1/models/none:predict", GOOD, 404, r"not found for request: Latest\(none\)"),
    ("POST", "/v1/models/double/versions/9:predict", GOOD, 404, r"Specific\(double, 9\)"),
    ("POST", "/v1/models/double/labels/best:predict", GOOD, 400, "version label: best"),
    ("POST", f"/v1/models/double/versions/{'9' * 30}:predict", GOOD, 400, "convert version"),
    ("POST", "/v1/models/double/versions/x:predict", GOOD, 400, "Malformed request: POST"),
    ("POST", "/v1/models/double:learn", GOOD, 400, "Malformed request: POST"),
    ("POST", "/v1/models/double:classify", GOOD, 400, "method_name"),
    ("GET", "/v1/models/double:predict", None, 400, "Malformed request: GET"),
    ("DELETE", "/v1/models/double", None, 400, "Malformed request: DELETE"),
    ("GET", "/v1/models/none", None, 404, "any versions of model none"),
    ("GET", "/v1/models/double/versions/2", None, 404, "version 2 of model double"),
    ("GET", "/v1/models/none/metadata", None, 404, r"Latest\(none\)"),
    ("GET", "/v1/models", None, 400, "Missing model name in request"),
    ("GET", "/", None, 404, "Not found"),
    ("POST", "/v1/models/double:predict", "", 400, "JSON Parse error"),
    ("POST", "/v1/models/double:predict", "{", 400, "JSON Parse error"),
    ("POST", "/v1/models/double:predict", b"\xff\xfe\xff", 400, "JSON Parse error"),
    ("POST", "/v1/models/double:predict", "[" * 100_000, 400, "JSON Parse error"),
    (
        "POST",
        "/v1/models/double:predict",
        '{"inputs": ' + "9" * 5000 + "}",
        400,
        "JSON Parse error",
    ),
    *(
        ("POST", "/v1/models/double:predict", GOOD.replace("3.0", huge), 400, "Number too big")
        for huge in ("1e309", "-1E+4000", "9" * 400 + ".0")
    ),
    ("POST", "/v1/models/double:predict", GOOD.replace("3.0", "1e39"), 400, "without loss"),
    ("POST", "/v1/models/double:predict", GOOD.replace("3.0", "9" * 400), 400, "without loss"),
    ("POST", "/v1/models/double:predict", "[]", 400, "a JSON object"),
    ("POST", "/v1/models/double:predict", '{"signature_name": 1}', 400, "'signature_name'"),
    ("POST", "/v1/models/double:predict", '{"signature_name": "x"}', 400, '"x" not found'),
    ("POST", "/v1/models/double:predict", '{"inputs": {"x": [[1, 2]]}}', 400, "{word, x}"),
    ("POST", "/v1/models/double:predict", GOOD.replace("[1.0, 2.0]", "[1.0]"), 400, "lengths"),
    ("POST", "/v1/models/double:predict", NEGATIVE, 400, "x must not be negative"),
]


@pytest.mark.parametrize(("method", "path", "body", "code", "why"), REFUSED)
def test_what_cannot_be_answered_over_rest_is_refused_by_code_and_reason(
    served, method, path, body, code, why
):
    import re

    got, said = ask(served, method, path, body)
    assert got == code
    assert list(said) == ["error"]
    assert re.search(why, said["error"])


X, WORD = np.float32([[1, 2]]), np.array([b"a"], object)
INPUTS = {"x": X, "word": WORD}


@pytest.mark.parametrize(
    ("model", "more", "code", "why"),
    [
        ("none", {}, "NOT_FOUND", "not found for request"),
        ("", {}, "INVALID_ARGUMENT", "Missing ModelSpec"),
        ("double", {"version": 9}, "NOT_FOUND", r"Specific\(double, 9\)"),
        ("double", {"signature": "x"}, "FAILED_PRECONDITION", '"x" not found'),
        ("double", {"outputs": ("z",)}, "INVALID_ARGUMENT", "alias not found in signature: z"),
        ("double", {"inputs": {"x": X}}, "INVALID_ARGUMENT", r"Missing but required: \['word'\]"),
        ("double", {"inputs": INPUTS | {"z": X}}, "INVALID_ARGUMENT", r"Sent extra: \['z'\]"),
        ("double", {"inputs": INPUTS | {"x": X[0]}}, "INVALID_ARGUMENT", r"shape \[-1, 2\]"),
        ("double", {"inputs": INPUTS | {"x": X.astype(int)}}, "INVALID_ARGUMENT", "float32"),
        ("double", {"inputs": INPUTS | {"x": -X}}, "INVALID_ARGUMENT", "must not be negative"),
        ("double", {"inputs": INPUTS | {"word": WORD.repeat(2)}}, None, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_over_grpc_is_refused_by_code_and_reason(
    rpc, model, more, code, why
):
    inputs = more.pop("inputs", INPUTS)
    if code is None:  # the graph itself does not ask that rows agree
        assert rpc.predict(model, inputs, **more)["word"].shape == (2,)
        return
    with pytest.raises(ServingError, match=why) as refused:
        rpc.predict(model, inputs, **more)
    assert refused.value.code == code


def test_requests_go_on_while_a_version_takes_over(tmp_path, toy, running, monkeypatch):
    toy(tmp_path / "toy")
    answers, end = [], threading.Event()

    def asking():
        with GrpcClient(server.grpc) as rpc:
            while not end.is_set():
                answers.append(rpc.predict("toy", ROWS)["y"][0])

    with running(tmp_path, look_seconds=0.01) as server:
        # the old version is told of as slowly as by a full pipe
        monkeypatch.setattr(server.shelf, "_say", lambda line: time.sleep(0.3))
        server.watch()
        asker = threading.Thread(target=asking)
        asker.start()
        toy(tmp_path / "toy", 5.0)
        until = time.monotonic() + 60
        while asker.is_alive() and 15.0 not in answers and time.monotonic() < until:
            time.sleep(0.05)
        end.set()
        asker.join(60)
    assert answers[0] == 6.0
    assert answers[-1] == 15.0
    assert answers == sorted(answers)


def test_a_small_message_of_a_large_tensor_is_refused_before_it_is_made(served):
    from kerasrnn.serving.refusal import Refusal
    from kerasrnn.serving.rpc import array

    proto = tf.make_tensor_proto(np.float32([1.0]))
    proto.tensor_shape.dim[0].size = 2**40
    with pytest.raises(Refusal, match="larger than 1000 bytes") as refused:
        array("x", proto, tf.float32, 1000)
    assert refused.value.code == "RESOURCE_EXHAUSTED"
    words = tf.make_tensor_proto([b"a" * 100])
    words.tensor_shape.dim[0].size = 2**40
    with pytest.raises(Refusal, match="holds 1 strings"):
        array("x", words, tf.string, 1000)
    for change in (-1, 3):
        proto = tf.make_tensor_proto(np.float32([1.0, 2.0]))
        proto.tensor_shape.dim[0].size = change
        with pytest.raises(Refusal, match="'x' "):
            array("x", proto, tf.float32, 1000)
