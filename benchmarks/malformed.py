"""Requests that no server can answer, drawn at random, each with the codes that are right for it."""

import contextlib
import json
import random
import socket
import string
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

METHOD = "/tensorflow.serving.PredictionService/Predict"
REFUSED = range(400, 500)


@dataclass(frozen=True)
class Target:
    """A server, and a request that it answers.

    Attributes:
        host, rest_port, grpc_port: where it is.
        model: a name that it serves.
        inputs: {name: array} of `serving_default`.
        limit: bytes that it takes.
    """

    host: str
    rest_port: int
    grpc_port: int
    model: str
    inputs: dict[str, np.ndarray]
    limit: int

    def columns(self) -> dict:
        """The good request's JSON."""
        return {"inputs": {name: _plain(value) for name, value in self.inputs.items()}}


def _plain(value: np.ndarray):
    if value.dtype != object:
        return value.tolist()
    return [item.decode("utf-8", "replace") for item in value.tolist()]


def bodies(target: Target, rng: random.Random) -> Iterator[bytes]:
    """Bodies that are no request for the model, without end."""
    good = json.dumps(target.columns()).encode()
    inputs = target.columns()["inputs"]
    wrong = [None, True, {}, {"b64": "*"}, {"b64": 3}, [[["deep"]]], [1.5, "mixed"], "\ud800"]
    while True:
        name = rng.choice(list(inputs))
        kind = rng.randrange(10)
        if kind == 0:
            yield good[: rng.randrange(len(good))]
        elif kind == 1:
            yield bytes(rng.randrange(128, 256) for _ in range(rng.randrange(1, 200)))
        elif kind == 2:
            yield "".join(rng.choices(string.printable, k=rng.randrange(1, 200))).encode() + b"{"
        elif kind == 3:
            yield json.dumps({"inputs": inputs | {name: rng.choice(wrong)}}).encode()
        elif kind == 4:
            rest = {key: value for key, value in inputs.items() if key != name}
            yield json.dumps({"inputs": rest}).encode()
        elif kind == 5:
            yield json.dumps({"inputs": inputs | {f"no_{name}": 1}}).encode()
        elif kind == 6:
            yield json.dumps(
                {"inputs": inputs, "signature_name": rng.choice(["none", 1, []])}
            ).encode()
        elif kind == 7:
            yield json.dumps(
                {"instances": rng.choice([[], {}, None, 3, [{}], [inputs, 1]])}
            ).encode()
        elif kind == 8:
            yield b"[" * rng.randrange(1, 100_000)
        else:
            yield json.dumps(
                rng.choice([[], 3, None, "text", {}, {"inputs": inputs, "instances": []}])
            ).encode()


def paths(target: Target, rng: random.Random) -> Iterator[str]:
    """Places where there is nothing to ask, without end."""
    model = target.model
    while True:
        noise = "".join(rng.choices(string.ascii_letters + "/:._-%", k=rng.randrange(1, 30)))
        yield rng.choice(
            [
                f"/v1/models/none-{noise.replace('/', '').replace(':', '')}:predict",
                f"/v1/models/{model}/versions/{rng.randrange(1000, 10**30)}:predict",
                f"/v1/models/{model}/labels/none:predict",
                f"/v1/models/{model}:{rng.choice(['learn', 'classify', 'regress', ''])}",
                f"/v1/models/{model}/none/{noise}",
                f"/v0/{noise}",
                "/",
            ]
        )


def rest_request(target: Target, rng: random.Random) -> tuple[str, bytes, bool]:
    """What it is, the bytes to send, and whether they are all that was promised."""
    where = f"/v1/models/{target.model}:predict"
    kind = rng.randrange(8)
    if kind <= 3:
        return "body", _http("POST", where, next(bodies(target, rng))), True
    good = json.dumps(target.columns()).encode()
    if kind == 4:
        return "path", _http("POST", next(paths(target, rng)), good), True
    if kind == 5:
        if rng.random() < 0.5:
            return "huge", _http("POST", where, b"[", length=target.limit * 100), True
        size = 1 << 16
        chunk = b"%x\r\n" % size + b" " * size + b"\r\n"
        head = f"POST {where} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        return "huge", head + chunk * (target.limit // size + 2), True
    if kind == 6:
        whole = _http("POST", where, good)
        return "cut", whole[: rng.randrange(1, len(whole))], False
    return "no HTTP", bytes(rng.randrange(256) for _ in range(50)) + b"\r\n\r\n", True


def _http(method: str, path: str, body: bytes, length: int | None = None) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    head += f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body


def send_rest(target: Target, rng: random.Random) -> tuple[str, int | None]:
    """Send one; what it was, and the status that came, None where the connection was cut."""
    kind, data, whole = rest_request(target, rng)
    with socket.create_connection((target.host, target.rest_port), timeout=60) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough
            connection.sendall(data)
        if not whole:
            if rng.random() < 0.5:  # reset instead of an end
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return kind, None
        try:
            said = connection.recv(100)
        except ConnectionResetError:  # the answer was lost to bytes that it had not read
            return kind, 413 if kind == "huge" else 0
    return kind, int(said.split()[1]) if said.startswith(b"HTTP/1.") else 0


def rpc_request(target: Target, rng: random.Random) -> tuple[str, bytes, set[str]]:
    """What it is, the message, and the codes that are right."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = target.model
    for name, value in target.inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    name = rng.choice(list(target.inputs))
    tensor, invalid = request.inputs[name], {"INVALID_ARGUMENT"}
    kind = rng.randrange(10)
    if kind == 0:
        request.model_spec.name = rng.choice(["none", "a/b", "\n"])
        return "model", request.SerializeToString(), {"NOT_FOUND"}
    if kind == 1:
        request.model_spec.version.value = rng.randrange(2, 2**62)
        return "version", request.SerializeToString(), {"NOT_FOUND"}
    if kind == 2:
        request.model_spec.signature_name = "none"
        return "signature", request.SerializeToString(), {"FAILED_PRECONDITION"}
    if kind == 3:
        del request.inputs[name]
        return "missing", request.SerializeToString(), invalid
    if kind == 4:
        request.inputs["none"].CopyFrom(tensor)
        return "extra", request.SerializeToString(), invalid
    if kind == 5:
        tensor.dtype = rng.choice([2, 5, 8, 20, 21, 999])  # none of these is any app's
        return "dtype", request.SerializeToString(), invalid
    if kind == 6:
        del tensor.tensor_shape.dim[:]
        tensor.tensor_shape.dim.add(size=rng.choice([-1, 2**40, 2**62]))
        return "shape", request.SerializeToString(), invalid | {"RESOURCE_EXHAUSTED"}
    if kind == 7:
        request.output_filter.append("none")
        return "filter", request.SerializeToString(), invalid
    if kind == 8:
        request.inputs["none"].tensor_content = bytes(target.limit + 1)
        return "huge", request.SerializeToString(), {"RESOURCE_EXHAUSTED"}
    garbage = b"\xff" + bytes(rng.randrange(256) for _ in range(50))
    return "no message", garbage, {"INTERNAL", "INVALID_ARGUMENT"}


def send_rpc(channel: grpc.Channel, target: Target, rng: random.Random) -> tuple[str, str, bool]:
    """Send one; what it was, the code that came, and whether it is right."""
    kind, message, right = rpc_request(target, rng)
    call = channel.unary_unary(METHOD)  # bytes as they are
    if rng.random() < 0.1:  # hang up before the answer
        call.future(message, timeout=60).cancel()
        return "cut", "", True
    try:
        call(message, timeout=60)
    except grpc.RpcError as error:
        return kind, error.code().name, error.code().name in right
    return kind, "OK", False
