"""Clients of `kerasrnn serve` and of TF Serving alike."""

import base64
import http.client
import json
import urllib.parse


class ServingError(Exception):
    """A server's refusal.

    Attributes:
        code: HTTP's status, or the name of gRPC's.
        message: the server's own.
    """

    def __init__(self, code: int | str, message: str):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Client:
    """REST: JSON in, JSON out. One connection a request, so that threads may share a client.

    Args:
        url: where the server is, such as "http://127.0.0.1:8501".
        timeout: seconds without a word from the server.
    Raises:
        ServingError: from every method, where the server refuses.
        OSError: where there is no server.
    """

    def __init__(self, url: str = "http://127.0.0.1:8501", timeout: float = 60.0):
        self._url, self._timeout = urllib.parse.urlsplit(url), timeout
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise ValueError(f"`url` must be http(s)://host:port, got {url!r}.")

    def predict(
        self, model: str, inputs=None, *, instances=None,
        signature: str = "", version: int | None = None,
    ):  # fmt: skip
        """A model's answer.

        Args:
            inputs: {name: value} of a whole batch (columns), or the value of the only input.
            instances: one {name: value}, or value of the only input, for each row.
                Values are numbers, str, bytes, nested lists of them, or arrays.
            signature: "serving_default" unless given.
            version: the newest unless given.
        Returns:
            What the server calls "outputs" for `inputs`, and "predictions" for `instances`; bytes as bytes.
        """
        if (inputs is None) == (instances is None):
            raise ValueError("Pass either `inputs` (columns) or `instances` (rows).")
        asked = {"inputs": inputs} if instances is None else {"instances": instances}
        if signature:
            asked["signature_name"] = signature
        answer = self._ask("POST", f"{_place(model, version)}:predict", asked)
        return answer["outputs" if instances is None else "predictions"]

    def metadata(self, model: str, version: int | None = None) -> dict:
        """{signature name: {"inputs": …, "outputs": …}}, as TensorFlow's SignatureDef."""
        answer = self._ask("GET", f"{_place(model, version)}/metadata")
        return answer["metadata"]["signature_def"]["signature_def"]

    def status(self, model: str, version: int | None = None) -> dict[int, str]:
        """{version: state}, such as {2: "AVAILABLE", 1: "END"}."""
        answer = self._ask("GET", _place(model, version))
        return {int(one["version"]): one["state"] for one in answer["model_version_status"]}

    def _ask(self, method: str, path: str, value=None) -> dict:
        kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        connection = kind[self._url.scheme](
            self._url.hostname, self._url.port, timeout=self._timeout
        )
        body = None if value is None else json.dumps(value, default=_plain)
        headers = {"Content-Type": "application/json"}
        try:
            connection.request(method, self._url.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            said = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"The server broke off: {error!r}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ServingError(response.status, _error(said))
        return json.loads(said, object_hook=_bytes)


def _place(model: str, version: int | None) -> str:
    place = "/v1/models/" + urllib.parse.quote(model, safe="")
    return place if version is None else f"{place}/versions/{version}"


def _plain(value):
    """What JSON has no word for: bytes, and arrays."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode("ascii")}
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"An input must hold numbers, str, bytes or arrays, got {type(value)}.")


def _bytes(value: dict):
    return base64.b64decode(value["b64"]) if value.keys() == {"b64"} else value


def _error(said: bytes) -> str:
    try:
        return json.loads(said)["error"]
    except (ValueError, KeyError, TypeError):  # a proxy's page
        return said.decode("utf-8", "replace")[:500]


class GrpcClient:
    """gRPC: arrays in, arrays out; a context manager. Needs TensorFlow, for its tensors' protocol buffers.

    Args:
        address: where the server is, such as "127.0.0.1:8500".
        timeout: seconds of a request.
        largest: bytes of an answer.
    Raises:
        ServingError: from every method, where the server refuses or is not there (UNAVAILABLE).
    """

    def __init__(
        self, address: str = "127.0.0.1:8500", timeout: float = 60.0, largest: int = 2**30
    ):
        import grpc
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        self._timeout = timeout
        options = [("grpc.max_receive_message_length", largest)]
        self._channel = grpc.insecure_channel(address, options)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def predict(
        self, model: str, inputs: dict, *, signature: str = "",
        version: int | None = None, outputs: tuple[str, ...] = (),
    ) -> dict:  # fmt: skip
        """{name: NumPy array} of a model's answer; strings are bytes.

        Args:
            inputs: {name: value}; lists of Python's whole numbers become int32, of its floats float32.
            signature: "serving_default" unless given.
            version: the newest unless given.
            outputs: names of those wanted; all unless given.
        """
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest(output_filter=outputs)
        _specify(request, model, version)
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        answer = self._ask(self._prediction.Predict, request)
        return {name: tf.make_ndarray(value) for name, value in answer.outputs.items()}

    def metadata(self, model: str, version: int | None = None) -> dict:
        """{signature name: SignatureDef}."""
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _specify(request, model, version)
        answer = self._ask(self._prediction.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        return dict(signatures.signature_def)

    def status(self, model: str, version: int | None = None) -> dict[int, str]:
        """{version: state}, such as {2: "AVAILABLE", 1: "END"}."""
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest()
        _specify(request, model, version)
        answer = self._ask(self._models.GetModelStatus, request)
        name = get_model_status_pb2.ModelVersionStatus.State.Name
        return {one.version: name(one.state) for one in answer.model_version_status}

    def _ask(self, method, request):
        import grpc

        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise ServingError(error.code().name, error.details()) from None


def _specify(request, model: str, version: int | None) -> None:
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
