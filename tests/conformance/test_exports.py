"""What holds for every app's SavedModel: operations that TF Serving has, the same answers without Python."""

import importlib.util
import math
import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401 - its operations
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from kerasrnn.app import app_names
from kerasrnn.export.warmup import read_warmup

PROGRAM = Path(__file__).parents[1] / "serving" / "ask.c"
PYTHON_ONLY = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def graph_of(version: Path):
    """The graph that TF Serving reads."""
    saved = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    (graph,) = saved.meta_graphs
    return graph


@pytest.mark.parametrize("app", app_names())
def test_an_export_uses_operations_of_tensorflow_and_its_text_library_only(app, tiny):
    graph = graph_of(tiny(app).export).graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    operations = {node.op for node in nodes} - {f.signature.name for f in graph.library.function}
    assert operations
    assert not [name for name in operations if op_def_registry.get(name) is None]
    assert not operations & PYTHON_ONLY
    assert not [name for name in operations if name.startswith("IO>")]  # of tensorflow-io


@pytest.mark.parametrize("app", app_names())
def test_every_signature_of_an_export_is_asked(app, tiny):
    version = tiny(app).export
    asked = {one.model_spec.signature_name for one in read_warmup(version / "assets.extra")}
    assert asked == set(graph_of(version).signature_def) - {"__saved_model_init_op"}


@pytest.fixture(scope="session")
def ask(tmp_path_factory):
    """words -> ask.c, compiled against TensorFlow's wheel, run on them."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not there to compile tests/serving/ask.c.")
    home = Path(tf.sysconfig.get_lib())
    program = tmp_path_factory.mktemp("c") / "ask"
    libraries = ["-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"]
    words = ["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", str(PROGRAM), "-o", program]
    # TensorFlow's headers are its own affair: -isystem
    words += ["-isystem", tf.sysconfig.get_include(), f"-L{home}", f"-Wl,-rpath,{home}", *libraries]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    environment = os.environ | {"LD_LIBRARY_PATH": str(home), "TF_CPP_MIN_LOG_LEVEL": "2"}

    def run(*words):
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr[-3000:]

    return run


def text_libraries() -> list[str]:
    """tensorflow-text's operations, as a program loads them."""
    home = Path(importlib.util.find_spec("tensorflow_text").origin).parent
    return sorted(map(str, (home / "python" / "ops").glob("_*.so")))


def place(name: str) -> bytes:
    operation, index = name.encode().split(b":")
    return struct.pack("=i", len(operation)) + operation + struct.pack("=i", int(index))


def packed(value: np.ndarray) -> bytes:
    """A tensor as ask.c reads it."""
    head = struct.pack(
        f"=ii{value.ndim}q", tf.as_dtype(value.dtype).as_datatype_enum, value.ndim, *value.shape
    )
    if value.dtype != object:
        return head + value.tobytes()
    return head + b"".join(struct.pack("=q", len(item)) + item for item in value.reshape(-1))


def unpacked(file) -> np.ndarray:
    """A tensor as ask.c writes it."""

    def take(form):
        return struct.unpack(f"={form}", file.read(struct.calcsize(f"={form}")))

    number, rank = take("ii")
    shape, dtype = take(f"{rank}q"), tf.as_dtype(number)
    count = math.prod(shape)
    if dtype != tf.string:
        flat = np.frombuffer(file.read(count * dtype.size), dtype.as_numpy_dtype)
    else:
        flat = np.empty(count, object)
        flat[:] = [file.read(take("q")[0]) for _ in range(count)]
    return flat.reshape(shape)


@pytest.mark.parametrize("app", app_names())
def test_a_c_program_gets_the_answers_that_python_gets(app, tiny, ask, tmp_path):
    version = tiny(app).export
    signatures, loaded = graph_of(version).signature_def, tf.saved_model.load(str(version))
    requests = read_warmup(version / "assets.extra")
    asked, wanted = struct.pack("=i", len(requests)), []
    for request in requests:
        name = request.model_spec.signature_name
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        places = signatures[name]
        asked += struct.pack("=i", len(inputs))
        for key, value in inputs.items():
            asked += place(places.inputs[key].name) + packed(value)
        answer = loaded.signatures[name](**{key: tf.constant(v) for key, v in inputs.items()})
        asked += struct.pack("=i", len(answer))
        asked += b"".join(place(places.outputs[key].name) for key in answer)
        wanted += [value.numpy() for value in answer.values()]
    (tmp_path / "questions").write_bytes(asked)
    ask(version, tmp_path / "questions", tmp_path / "answers", *text_libraries())
    with open(tmp_path / "answers", "rb") as file:
        got = [unpacked(file) for _ in wanted]
        assert file.read() == b""
    for ours, theirs in zip(wanted, got, strict=True):
        assert theirs.dtype == ours.dtype
        if ours.dtype.kind == "f":
            np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(theirs, ours)
