"""An export: whole or not at all, believed only when a bare process has answered from it."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from kerasrnn.errors import UserError
from kerasrnn.export import saved_model
from kerasrnn.export.saved_model import export, next_version
from kerasrnn.export.warmup import write_warmup

QUESTIONS = [{"signature": "double", "inputs": {"x": [1.0, 2.5], "word": ["ü", ""]}}]


class Doubler(tf.Module):
    """The smallest thing that can be exported: a variable and a graph."""

    def __init__(self):
        super().__init__()
        self.factor = tf.Variable(2.0)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, "x"), tf.TensorSpec([None], tf.string, "word")
        ]
    )  # fmt: skip
    def double(self, x, word):
        return {"y": self.factor * x, "said": word + "!"}

    @property
    def endpoint(self):
        return {"double": self.double, "module": self}


def test_versions_count_up_only_where_that_is_asked(tmp_path):
    target = tmp_path / "models" / "m"
    assert next_version(target, False) == target / "1"
    target.mkdir(parents=True)
    assert next_version(target, False) == target / "1"
    (target / ".part-1-abc").mkdir()  # a killed export
    assert next_version(target, False) == target / "1"
    for version in ("1", "10", "2"):
        (target / version).mkdir()
    assert next_version(target, True) == target / "11"
    with pytest.raises(UserError, match=r"holds version 10; add version 11 .*--add-version"):
        next_version(target, False)


def test_a_target_that_is_no_folder_of_versions_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file", tmp_path / "file" / "m"):
        with pytest.raises(UserError, match="file is not a folder that can be written to"):
            next_version(target, True)
    with pytest.raises(UserError, match="holds something else than versions"):
        next_version(tmp_path, True)


def test_an_export_answers_as_its_functions_do_and_keeps_the_questions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    version = export(Doubler().endpoint, QUESTIONS, Path("models") / "m")
    assert version == Path("models") / "m" / "1"
    assert [path.name for path in version.parent.iterdir()] == ["1"]
    loaded = tf.saved_model.load(str(version))
    answer = loaded.signatures["double"](x=tf.constant([3.0]), word=tf.constant(["a"]))
    assert answer["y"].numpy().tolist() == [6.0]
    assert answer["said"].numpy().tolist() == [b"a!"]
    assert (version / "assets.extra" / "tf_serving_warmup_requests").stat().st_size > 0


@pytest.mark.parametrize(
    "wrong", [{"y": [2.0, 5.1], "said": ["ü!", "!"]}, {"y": [2.0, 5.0], "said": ["u!", "!"]}]
)
def test_an_export_that_answers_otherwise_is_not_kept(tmp_path, tree, monkeypatch, wrong):
    monkeypatch.setattr(saved_model, "ask_elsewhere", lambda saved, questions: [wrong])
    with pytest.raises(RuntimeError, match="The export answers"):
        export(Doubler().endpoint, QUESTIONS, tmp_path / "models" / "m")
    assert tree(tmp_path) == []


def test_an_export_that_a_bare_process_cannot_load_is_not_kept(tmp_path, tree, monkeypatch):
    def half(module, path, signatures):
        (saved_model.Path(path) / "saved_model.pb").write_bytes(b"half")

    monkeypatch.setattr(saved_model.tf.saved_model, "save", half)
    (tmp_path / "m").mkdir()
    with pytest.raises(RuntimeError, match="cannot be loaded by TensorFlow alone"):
        export(Doubler().endpoint, QUESTIONS, tmp_path / "m")
    assert [path.name for path in tree(tmp_path)] == ["m"]


def test_the_warm_up_file_holds_the_questions_as_requests(tmp_path):
    questions = [*QUESTIONS, {"signature": "other", "inputs": {"length": 3, "rate": [[0.5]]}}]
    write_warmup(tmp_path, "m", questions)
    records = tf.data.TFRecordDataset(str(tmp_path / "tf_serving_warmup_requests"))
    requests = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        for record in records
    ]
    assert [request.model_spec.name for request in requests] == ["m", "m"]
    assert [request.model_spec.signature_name for request in requests] == ["double", "other"]
    first, second = ({k: tf.make_ndarray(v) for k, v in r.inputs.items()} for r in requests)
    assert first["x"].tolist() == [1.0, 2.5]
    assert first["x"].dtype == np.float32
    assert first["word"].tolist() == ["ü".encode(), b""]
    assert second["length"].dtype == np.int32
    assert second["length"].shape == ()
    assert second["rate"].tolist() == [[0.5]]
