"""The network of an app as one file: its own runtime gives Keras' answers, and what cannot be is said."""

import keras
import numpy as np
import pytest

from kerasrnn import layers
from kerasrnn.app import app_names
from kerasrnn.cells import GRUCell
from kerasrnn.errors import UserError
from kerasrnn.export import network
from kerasrnn.export.network import write_network

SEVERAL = ("captioner",)  # networks with a search between them


@pytest.fixture(scope="module")
def model():
    """Features to logits, of any number of rows and steps, in both directions."""
    x = keras.Input((None, 3), name="features")
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True))(x)
    h = layers.Recurrent(GRUCell(4), return_sequences=True, name="h")(both)
    return keras.Model(x, keras.layers.Dense(2, name="logits")(h), name="small")


def test_onnxruntime_answers_a_character_model_of_any_length_as_keras_does(tiny, command, tmp_path):
    trained = tiny("char_lm")
    words = ("export", trained.path, "--to", tmp_path, "--format", "onnx", "--name", "book")
    answer = command(*words)
    assert (answer.code, answer.out) == (0, f"{tmp_path / 'book.onnx'}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["book.onnx"]
    inner = trained.run.model.model
    assert (
        "It takes inputs int32 (-1, -1); lstm_1_h float (-1, 32); lstm_1_c float (-1, 32)"
        in answer.err
    )
    assert f"float (-1, -1, {inner.outputs[0].shape[-1]})" in answer.err
    import onnxruntime

    session = onnxruntime.InferenceSession(str(tmp_path / "book.onnx"))
    rng = np.random.default_rng(1)
    given = {"inputs": rng.integers(0, 9, (4, 11)).astype("int32")}
    given |= {name: rng.normal(size=(4, 32)).astype("float32") for name in ("lstm_1_h", "lstm_1_c")}
    wanted = inner(list(given.values()), training=False)
    for ours, theirs in zip(wanted, session.run(None, given), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-5)
    again = command(*words)
    assert again.code == 2
    assert "book.onnx; remove it, or choose another --name" in again.err


def test_litert_runs_a_step_of_a_character_model_its_state_in_and_out(tiny, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    inner = tiny("char_lm").run.model.model
    written = write_network(tiny("char_lm").run.model, tmp_path / "book.tflite", "litert")
    assert written.inputs[0] == "inputs int32 (1, 1)"
    runner = Interpreter(model_path=str(written.path)).get_signature_runner()
    text = np.int32([[1, 3, 2, 5]])
    zeros = np.zeros((1, 32), np.float32)
    h, c = zeros, zeros
    for t in range(4):
        said = runner(inputs=text[:, t : t + 1], lstm_1_h=h, lstm_1_c=c)
        logits, h, c = (said[f"output_{number}"] for number in range(3))
    wanted = inner([text, zeros, zeros], training=False)
    np.testing.assert_allclose(logits[:, 0], wanted[0][:, -1], atol=1e-5)
    np.testing.assert_allclose(h, wanted[1], atol=1e-5)


@pytest.mark.parametrize("form", network.SUFFIX)
@pytest.mark.parametrize("app", [name for name in app_names() if name not in SEVERAL])
def test_the_network_of_each_app_is_carried(app, form, tiny, tmp_path):
    """`write_network` asks the file what the model is asked, and keeps it only if they agree."""
    model = tiny(app).run.model
    written = write_network(model, tmp_path / f"a{network.SUFFIX[form]}", form, steps=40)
    inner = getattr(model, "model", model)  # of a language model, without its training
    assert written.inputs
    assert written.outputs
    assert written.path.stat().st_size > 4 * inner.count_params()


@pytest.mark.parametrize("form", ["onnx", "litert"])
def test_a_file_that_answers_otherwise_is_not_kept(model, form, tmp_path, monkeypatch):
    monkeypatch.setattr(network, "CLOSE", -1.0)  # nothing is so close
    with pytest.raises(UserError, match=r"differ from its own by .* not kept"):
        write_network(model, tmp_path / "new" / f"a{network.SUFFIX[form]}", form, 3)
    assert not list(tmp_path.iterdir())


def test_what_no_file_can_carry_is_said_in_a_sentence(model, tiny, tmp_path, monkeypatch):
    x = keras.Input((4,), name="x")
    strange = keras.Model(x, keras.layers.Lambda(_odd)(x))
    for given, form, why in (
        (tiny("captioner").run.model, "onnx", "this model is several"),
        (strange, "litert", "cannot be carried by litert: .*Betainc"),
    ):
        with pytest.raises(UserError, match=why):
            write_network(given, tmp_path / f"a{network.SUFFIX[form]}", form)
    half = keras.Model(x, keras.layers.Dense(2, dtype="mixed_float16")(x))
    with pytest.raises(UserError, match=r"computes in float16.*--precision float32"):
        write_network(half, tmp_path / "a.onnx", "onnx")
    monkeypatch.setitem(network.NEEDED, "onnx", ("tf2onnx", "no_such_module"))
    with pytest.raises(UserError, match=r"needs no_such_module; .*pip install 'kerasrnn\[onnx\]'"):
        write_network(model, tmp_path / "a.onnx", "onnx")
    assert not list(tmp_path.iterdir())


def _odd(x):
    import tensorflow as tf

    return tf.math.betainc(x, x, x)
