"""TF Serving's gRPC interface.

PredictionService's Predict and GetModelMetadata, ModelService's GetModelStatus.
"""

import math

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import Message
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from kerasrnn.serving import status
from kerasrnn.serving.desk import Desk
from kerasrnn.serving.model import Signature
from kerasrnn.serving.refusal import Refusal, invalid


class _Service:
    """What both services share: a desk, and refusals as gRPC's status."""

    def __init__(self, desk: Desk):
        self._desk = desk

    async def _answer(self, context: grpc.aio.ServicerContext, work) -> Message:
        try:
            async with self._desk.place(context.time_remaining()):
                return await work
        except Refusal as refused:
            work.close()
            await context.abort(grpc.StatusCode[refused.code], refused.message)

    def _version(self, spec):
        if not spec.name:
            raise invalid("Missing ModelSpec: a request must name its model.")
        number = spec.version.value if spec.HasField("version") else None
        return self._desk.shelf.find(spec.name, number, spec.version_label)


class Prediction(_Service, prediction_service_pb2_grpc.PredictionServiceServicer):
    """PredictionService; Classify, Regress and MultiInference are unimplemented."""

    async def Predict(self, request, context):
        return await self._answer(context, self._predict(request))

    async def _predict(self, request) -> predict_pb2.PredictResponse:
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

    async def GetModelMetadata(self, request, context):
        return await self._answer(context, self._metadata(request))

    async def _metadata(self, request):
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        return status.metadata(request.model_spec.name, self._version(request.model_spec))


class Models(_Service, model_service_pb2_grpc.ModelServiceServicer):
    """ModelService; HandleReloadConfigRequest is unimplemented: the folder is the configuration."""

    async def GetModelStatus(self, request, context):
        return await self._answer(context, self._status(request))

    async def _status(self, request):
        spec = request.model_spec
        if not spec.name:
            raise invalid("Missing ModelSpec: a request must name its model.")
        if spec.version_label:
            self._version(spec)
        number = spec.version.value if spec.HasField("version") else None
        return status.status(self._desk.shelf.states(spec.name, number))


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
    if dtype == tf.string:
        if count != len(proto.string_val):
            raise invalid(f"'{name}' of shape {sizes} holds {len(proto.string_val)} strings.")
        flat = np.empty(count, object)
        flat[:] = list(proto.string_val)
        return flat.reshape(sizes)
    if count * dtype.size > largest:
        raise Refusal("RESOURCE_EXHAUSTED", f"'{name}' is larger than {largest} bytes.")
    try:
        return tf.make_ndarray(proto)
    except (ValueError, TypeError, IndexError) as error:
        raise invalid(f"'{name}' is damaged: {error}") from None


async def start(desk: Desk, host: str, port: int) -> tuple[grpc.aio.Server, int]:
    """Listen; returns the server and its port.

    Raises:
        RuntimeError: if the port is taken.
    """
    options = [("grpc.max_receive_message_length", desk.limits.size)]
    options += [("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.aio.server(options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Prediction(desk), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(desk), server)
    port = server.add_insecure_port(f"{f'[{host}]' if ':' in host else host}:{port}")
    await server.start()
    return server, port
