"""What both protocols say of a model: its versions' states and its signatures, as TF Serving's messages."""

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from kerasrnn.serving.model import Version
from kerasrnn.serving.shelf import State

CODES = {code.name: code.value[0] for code in grpc.StatusCode}


def status(states: dict[int, State]) -> get_model_status_pb2.GetModelStatusResponse:
    """The answer of GetModelStatus."""
    answer = get_model_status_pb2.GetModelStatusResponse()
    for number, state in states.items():
        one = answer.model_version_status.add(version=number, state=state.name)
        one.status.error_code = CODES[state.code]
        one.status.error_message = state.message
    return answer


def metadata(name: str, version: Version) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The answer of GetModelMetadata, whose only field is `signature_def`."""
    answer = get_model_metadata_pb2.GetModelMetadataResponse()
    answer.model_spec.name = name
    answer.model_spec.version.value = version.number
    answer.metadata["signature_def"].Pack(definitions(version))
    return answer


def definitions(version: Version) -> get_model_metadata_pb2.SignatureDefMap:
    """Every signature of a version."""
    return get_model_metadata_pb2.SignatureDefMap(
        signature_def=dict(version.definitions.signature_def)
    )
