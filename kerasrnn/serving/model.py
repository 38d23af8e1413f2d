"""One version of a model: a SavedModel in memory, its signatures, and what they take."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401 - its operations, which the real server has too
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from kerasrnn.export.warmup import read_warmup
from kerasrnn.serving.refusal import HTTP, Refusal, invalid

DEFAULT = "serving_default"
CODES = {getattr(tf.errors, code): code for code in HTTP if hasattr(tf.errors, code)}
DAMAGE = (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, AssertionError)
DAMAGE += (ArithmeticError, MemoryError, DecodeError, tf.errors.OpError)


@dataclasses.dataclass(frozen=True)
class Spec:
    """An input or output: its kind, and its axes, None where any length fits; `shape` None is any rank."""

    dtype: tf.DType
    shape: tuple[int | None, ...] | None

    @property
    def kind(self) -> np.dtype:
        return np.dtype(self.dtype.as_numpy_dtype)

    def takes(self, value: np.ndarray) -> bool:
        return self.shape is None or (
            len(self.shape) == value.ndim
            and all(a in (None, b) for a, b in zip(self.shape, value.shape, strict=True))
        )


class Signature:
    """A function of a version: named arrays in, named arrays out.

    Attributes:
        one_by_one: why requests to it are never answered together, or "". They are where that cannot change an
            answer: every input may have rows, and no output has another axis whose length is free, since
            that would be the longest of the neighbours'.
    """

    def __init__(self, name: str, definition: meta_graph_pb2.SignatureDef, function):
        self.name, self._function = name, function
        self.inputs = _specs(definition.inputs)
        self.outputs = _specs(definition.outputs)
        self.one_by_one = self._reason()

    def _reason(self) -> str:
        for name, spec in (self.inputs | self.outputs).items():
            if spec.shape is not None and (not spec.shape or spec.shape[0] is not None):
                return f"`{name}` has no free first axis"
        for name, spec in self.outputs.items():
            if spec.shape is None or None in spec.shape[1:]:
                return f"`{name}` has an axis of free length"
        return "" if self.inputs else "it has no inputs"

    def check_names(self, names) -> None:
        """Refuse all but the signature's own inputs."""
        if set(names) != self.inputs.keys():
            missing, extra = self.inputs.keys() - set(names), set(names) - self.inputs.keys()
            raise invalid(
                f"input size does not match signature: {len(names)}!={len(self.inputs)}. "
                f"Sent extra: {sorted(extra)}. Missing but required: {sorted(missing)}."
            )

    def check(self, inputs: dict[str, np.ndarray]) -> None:
        """Refuse what the graph is not made for."""
        self.check_names(inputs)
        for name, spec in self.inputs.items():
            value = inputs[name]
            if value.dtype != spec.kind or not spec.takes(value):
                raise invalid(
                    f"'{name}' must be {spec.dtype.name} of shape {_shown(spec.shape)}, "
                    f"got {value.dtype} of shape {_shown(value.shape)}."
                )

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {
            name: tf.constant(value, self.inputs[name].dtype) for name, value in inputs.items()
        }
        try:
            return {name: value.numpy() for name, value in self._function(**given).items()}
        except tf.errors.OpError as error:
            raise Refusal(CODES.get(error.error_code, "UNKNOWN"), _short(error.message)) from None


def _specs(named) -> dict[str, Spec]:
    return {name: _spec(info) for name, info in sorted(named.items())}


def _spec(info: meta_graph_pb2.TensorInfo) -> Spec:
    shape = tf.TensorShape(info.tensor_shape)
    return Spec(tf.as_dtype(info.dtype), None if shape.rank is None else tuple(shape))


def _shown(shape: tuple | None) -> str:
    return "any" if shape is None else str([-1 if size is None else size for size in shape])


def _short(message: str) -> str:
    """TensorFlow's message without where in the graph it came from."""
    lines = [line.strip() for line in message.splitlines()]
    graph = ("Graph execution error", "Detected at node", "<stack traces unavailable>", "[[{{")
    return " ".join(line for line in lines if line and not line.startswith(graph))[:2000]


class Version:
    """A SavedModel, loaded and warmed up.

    Args:
        path: <name>/<version>.
    Raises:
        one of DAMAGE: if it cannot be loaded, or does not answer its own warm-up requests.
    """

    def __init__(self, path: Path):
        self.path, self.number = path, int(path.name)
        saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        graphs = [graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags]
        if len(graphs) != 1:
            raise ValueError("It must hold one graph with the tag 'serve'.")
        self.definitions = meta_graph_pb2.MetaGraphDef(signature_def=graphs[0].signature_def)
        self._loaded = tf.saved_model.load(str(path))
        self.signatures = {
            name: Signature(name, graphs[0].signature_def[name], function)
            for name, function in self._loaded.signatures.items()
        }
        for asked in read_warmup(path / "assets.extra"):
            self._warm_up(asked)

    def _warm_up(self, request) -> None:
        name = request.model_spec.signature_name or DEFAULT
        if name not in self.signatures:
            raise ValueError(f"A warm-up request asks for a signature {name!r} that it lacks.")
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        try:
            self.signatures[name].check(inputs)
            self.signatures[name](inputs)
        except Refusal as refused:
            raise ValueError(f"A warm-up request fails: {refused.message}") from None

    @functools.cached_property
    def batching(self) -> str:
        """Which signatures answer requests together, and why others do not."""
        each = [
            f"{name} {'one by one: ' + signature.one_by_one if signature.one_by_one else 'in batches'}"
            for name, signature in sorted(self.signatures.items())
        ]
        return "; ".join(each)
