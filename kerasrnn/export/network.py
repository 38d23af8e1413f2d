"""The network alone, from what it reads to its logits, as one file for other runtimes: ONNX or LiteRT.

What stands around a network in an app (decoding a file, features, a search among words) is made of operations
that these formats lack; whoever runs the file does that.
"""

import importlib.util
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kerasrnn.builders.sample_network import SampleNetwork
from kerasrnn.errors import UserError
from kerasrnn.files import whole_file
from kerasrnn.notice import standard_error_into
from kerasrnn.recurrence import portable
from kerasrnn.training.truncated import TruncatedBPTT

SUFFIX = {"onnx": ".onnx", "litert": ".tflite"}
NEEDED = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}
CLOSE = 1e-4  # that an answer may differ from the model's, relative and absolute


@dataclass(frozen=True)
class Network:
    """A file, and what it takes and gives.

    Attributes:
        path: the file.
        inputs, outputs: of each, in order, its name, shape and kind in words; -1 is any length.
    """

    path: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def write_network(model: keras.Model, path: Path, form: str, steps: int = 1) -> Network:
    """Write the network in a trained model, and ask the file what the model is asked.

    Args:
        path: ends with SUFFIX[form]; nothing is there.
        form: "onnx", any number of rows and steps; or "litert", one row of `steps`, where the model leaves
            them open.
    Raises:
        UserError: if the format's packages are not installed or cannot carry this model, and if what they
            wrote answers otherwise than the model.
    """
    lacking = [name for name in NEEDED[form] if importlib.util.find_spec(name) is None]
    if lacking:
        raise UserError(
            f"--format {form} needs {' and '.join(lacking)}; install with pip install 'kerasrnn[{form}]'."
        )
    if path.exists():
        raise UserError(f"The export target exists: {path}; remove it, or choose another --name.")
    network = _network(model)
    asked = _asked_onnx if form == "onnx" else _asked_litert
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, path.name)
        with (
            tempfile.TemporaryFile() as said,
            standard_error_into(said.fileno()),
            portable(),
        ):
            _convert(network, made, form, steps)
            inputs, outputs = asked(network, made, steps)
        with whole_file(path) as temporary:
            shutil.copyfile(made, temporary)
    return Network(path, inputs, outputs)


def _network(model: keras.Model) -> keras.Model:
    """The network itself, which must be one, in float32."""
    network = model.model if isinstance(model, TruncatedBPTT) else model
    if isinstance(network, SampleNetwork):
        network = network.functional()
    if not hasattr(network, "inputs"):
        raise UserError(
            "One file holds one network from inputs to logits, but this model is several with a search between "
            "them; export it as a saved_model."
        )
    kinds = {layer.compute_dtype for layer in network.layers}
    if kinds != {"float32"}:
        raise UserError(
            f"ONNX and LiteRT carry a network in float32, but this one computes in {', '.join(sorted(kinds))}; "
            "train it with --precision float32, or export it as a saved_model."
        )
    return network


def _convert(network: keras.Model, path: Path, form: str, steps: int) -> None:
    from tensorflow.lite.python.convert_phase import ConverterError

    rows, steps = (None, None) if form == "onnx" else (1, steps)

    def spec(tensor):
        shape = [rows, *(steps if size is None else size for size in tensor.shape[1:])]
        return tf.TensorSpec(shape, tensor.dtype, tensor.name)

    taken = [keras.tree.map_structure(spec, network.input)]
    more = {}
    if form == "litert":  # its runtime has no others
        more["target_spec"] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
            network.export(path, format=form, verbose=False, input_signature=taken, **more)
    except (ConverterError, ValueError, TypeError, RuntimeError, LookupError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"This model cannot be carried by {form}: {reason}") from None


def _example(network: keras.Model, rows: int, steps: int) -> dict[str, np.ndarray]:
    """Inputs to try a network with; whole numbers are 1 or 2, which are tokens and lengths alike, classes 0."""
    rng, example = np.random.default_rng(0), {}
    for tensor in network.inputs:
        shape = [rows, *(steps if size is None else size for size in tensor.shape[1:])]
        whole = tensor.dtype.startswith("int")
        value = rng.integers(1, min(steps, 2) + 1, shape) if whole else rng.normal(size=shape)
        value = np.zeros(shape) if tensor.name == "class_id" else value
        example[tensor.name] = value.astype(tensor.dtype)
    return example


def _hold(network: keras.Model, example: dict[str, np.ndarray], theirs: list) -> None:
    """Compare a file's answers with the model's."""
    given = keras.tree.map_structure(
        lambda tensor: tf.constant(example[tensor.name]), network.input
    )
    ours = keras.tree.flatten(network(given, training=False))
    for wanted, got in zip(ours, theirs, strict=True):
        if not np.allclose(got, wanted.numpy(), rtol=CLOSE, atol=CLOSE):
            furthest = np.abs(got - wanted.numpy()).max()
            raise UserError(
                f"This model cannot be carried: the file's answers differ from its own by {furthest:g}, so the "
                "file is not kept; export it as a saved_model."
            )


def _asked_onnx(network: keras.Model, path: Path, _: int) -> tuple[tuple, tuple]:
    """The file's inputs and outputs, once onnxruntime has given the model's answers."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for rows, steps in ((1, 7), (3, 2)):
        example = _example(network, rows, steps)
        _hold(network, example, session.run(None, example))
    return tuple(
        tuple(
            _said(one.name, [n if isinstance(n, int) else -1 for n in one.shape], one.type[7:-1])
            for one in some
        )
        for some in (session.get_inputs(), session.get_outputs())
    )


def _asked_litert(network: keras.Model, path: Path, steps: int) -> tuple[tuple, tuple]:
    """The file's inputs and outputs, once LiteRT's interpreter has given the model's answers."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_path=str(path)).get_signature_runner()
    example = _example(network, 1, steps)
    found = runner(**example)
    names = sorted(found, key=lambda name: int(name.rpartition("_")[2]))
    _hold(network, example, [found[name] for name in names])
    given, got = runner.get_input_details(), runner.get_output_details()
    return tuple(
        tuple(
            _said(name, details[name]["shape"].tolist(), np.dtype(details[name]["dtype"]).name)
            for name in some
        )
        for details, some in ((given, example), (got, names))
    )


def _said(name: str, shape: list[int], kind: str) -> str:
    return f"{name} {kind} {tuple(shape)}".replace(",)", ")")
