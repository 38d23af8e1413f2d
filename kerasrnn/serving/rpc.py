"""TF Serving's gRPC interface.

PredictionService's Predict and GetModelMetadata, ModelService's GetModelStatus.
"""

import math

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError, Message
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from kerasrnn.serving import status
from kerasrnn.serving.desk import Desk
from kerasrnn.serving.model import Signature, Version
from kerasrnn.serving.refusal import Refusal, invalid


class Service:
    """What is asked by messages: each method takes a request and gives its response, or refuses."""

    def __init__(self, desk: Desk):
        self._desk = desk

    def _version(self, spec: model_pb2.ModelSpec) -> Version:
        return self._desk.shelf.find(_name(spec), _number(spec), spec.version_label)

    async def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        version = self._version(request.model_spec)
        name = request.model_spec.signature_name
        signature = self._desk.signature(version, name, "FAILED_PRECONDITION")
        wanted = list(request.output_filter) or list(signature.outputs)
        for alias in wanted:
            if alias not in signature.outputs:
                known = ",".join(signature.outputs)
                raise invalid(
                    f"output tensor alias not found in signature: {alias} Outputs expected to be "
                    f"in the set {{{known}}}."
                )
        outputs = await self._desk.answer(signature, self._arrays(signature, request.inputs))
        answer = predict_pb2.PredictResponse()
        answer.model_spec.name = request.model_spec.name
        answer.model_spec.version.value = version.number
        answer.model_spec.signature_name = signature.name
        for alias in wanted:
            dtype = signature.outputs[alias].dtype
            answer.outputs[alias].CopyFrom(tf.make_tensor_proto(outputs[alias], dtype))
        return answer

    def _arrays(self, signature: Signature, inputs) -> dict[str, np.ndarray]:
        signature.check_names(inputs.keys())
        largest = self._desk.limits.size
        return {
            name: array(name, proto, signature.inputs[name].dtype, largest)
            for name, proto in inputs.items()
        }

    async def metadata(self, request) -> get_model_metadata_pb2.GetModelMetadataResponse:
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        return status.metadata(request.model_spec.name, self._version(request.model_spec))

    async def status(self, request) -> get_model_status_pb2.GetModelStatusResponse:
        spec = request.model_spec
        if spec.version_label:
            self._version(spec)
        return status.status(self._desk.shelf.states(_name(spec), _number(spec)))


def _name(spec: model_pb2.ModelSpec) -> str:
    if not spec.name:
        raise invalid("Missing ModelSpec: a request must name its model.")
    return spec.name


def _number(spec: model_pb2.ModelSpec) -> int | None:
    return spec.version.value if spec.HasField("version") else None


def array(name: str, proto, dtype: tf.DType, largest: int) -> np.ndarray:
    """A tensor of a request, whose size is looked at before it is made.

    Raises:
        Refusal: if it is of another kind than `dtype`, larger than `largest` bytes (a small message can
            repeat one value without end), or damaged.
    """
    if proto.dtype != dtype.as_datatype_enum:
        raise invalid(f"'{name}' must be {dtype.name}, got the type {proto.dtype}.")
    sizes = [axis.size for axis in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or min(sizes, default=0) < 0 or len(sizes) > 32:
        raise invalid(f"'{name}' must have a known shape of 32 axes or fewer, got {sizes}.")
    count = math.prod(sizes)
    if dtype == tf.string and count != len(proto.string_val):
        raise invalid(f"'{name}' of shape {sizes} holds {len(proto.string_val)} strings.")
    if count * dtype.size > largest:
        raise Refusal("RESOURCE_EXHAUSTED", f"'{name}' is larger than {largest} bytes.")
    try:
        return tf.make_ndarray(proto)
    except (ValueError, TypeError, IndexError) as error:
        raise invalid(f"'{name}' is damaged: {error}") from None


def _handler(desk: Desk, method, kind: type[Message]) -> grpc.RpcMethodHandler:
    """A method as gRPC calls it, with bytes that are no message told from defects."""

    def parse(data: bytes) -> Message | None:
        try:
            return kind.FromString(data)
        except DecodeError:
            return None

    async def handle(request: Message | None, context: grpc.aio.ServicerContext) -> Message:
        try:
            async with desk.place(context.time_remaining()):
                if request is None:
                    raise Refusal("INTERNAL", f"The bytes are no {kind.__name__}.")
                return await method(request)
        except Refusal as refused:
            await context.abort(grpc.StatusCode[refused.code], refused.message)

    return grpc.unary_unary_rpc_method_handler(handle, parse, lambda said: said.SerializeToString())


def _handlers(desk: Desk) -> list[grpc.GenericRpcHandler]:
    """Both services; what they lack is UNIMPLEMENTED."""
    service = Service(desk)
    asked = {
        "PredictionService": {
            "Predict": (service.predict, predict_pb2.PredictRequest),
            "GetModelMetadata": (service.metadata, get_model_metadata_pb2.GetModelMetadataRequest),
        },
        "ModelService": {
            "GetModelStatus": (service.status, get_model_status_pb2.GetModelStatusRequest)
        },
    }
    return [
        grpc.method_handlers_generic_handler(
            f"tensorflow.serving.{name}",
            {method: _handler(desk, *how) for method, how in methods.items()},
        )
        for name, methods in asked.items()
    ]


async def start(desk: Desk, host: str, port: int) -> tuple[grpc.aio.Server, int]:
    """Listen; returns the server and its port.

    Raises:
        RuntimeError: if the port is taken.
    """
    options = [("grpc.max_receive_message_length", desk.limits.size)]
    options += [("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers(_handlers(desk))
    port = server.add_insecure_port(f"{f'[{host}]' if ':' in host else host}:{port}")
    await server.start()
    return server, port
