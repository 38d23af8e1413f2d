"""What a training leaves in its folder, and what it refuses to begin or to go on with."""

import csv
import json
import math
import shutil

import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.util import event_pb2

import kerasrnn
from kerasrnn.apps import char_lm
from kerasrnn.apps.char_lm.config import Config
from kerasrnn.errors import UserError
from kerasrnn.run import Run
from kerasrnn.training.folder import RunFolder

QUICK = Config(units=(4,), batch_size=2, steps=8, epoch_steps=2, epochs=1)


@pytest.fixture(scope="module")
def book(tiny):
    return tiny("char_lm")


@pytest.fixture
def copy(book, tmp_path):
    """The run folder, to be damaged."""
    return shutil.copytree(book.path, tmp_path / "copy")


def rows(folder):
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_all_that_is_said_and_nothing_unfinished(book, tree):
    files = {str(path) for path in tree(book.path)}
    assert files >= {"config.json", "model.keras", "metrics.json", "history.csv"}
    assert files >= {"plots/learning_curve.png", "assets/vocabulary.json", "checkpoints/last.npz"}
    assert not [name for name in files if name.startswith(".") or "/." in name]


def test_the_history_has_a_line_a_report_and_ends_with_the_metrics(book):
    history = rows(book.path)
    config = book.run.config
    assert [row["epoch"] for row in history] == [str(n + 1) for n in range(config.epochs)]
    steps = [int(row["step"]) for row in history]
    assert steps == [steps[0] * (n + 1) for n in range(config.epochs)]
    seconds = [float(row["seconds"]) for row in history]
    assert seconds == sorted(seconds)
    assert float(history[-1]["loss"]) < float(history[0]["loss"])
    for row in history:
        nats = float(row["valid_nats_per_char"])
        assert float(row["valid_bits_per_char"]) == pytest.approx(nats / math.log(2))
        assert set(row["sample"]) <= set(book.run.assets.vocabulary) | {"⏎"}
    metrics = json.loads((book.path / "metrics.json").read_text())
    assert metrics["valid_nats_per_char"] == float(history[-1]["valid_nats_per_char"])
    judged = book.run.evaluate(split="valid")
    assert judged["nats_per_char"] == pytest.approx(metrics["valid_nats_per_char"], rel=1e-5)


def test_tensorboard_finds_the_history_in_the_logs(book):
    (file,) = (book.path / "logs").glob("events.out.tfevents.*")
    events = tf.data.TFRecordDataset(str(file))
    logged = []
    for record in events.as_numpy_iterator():
        for value in event_pb2.Event.FromString(record).summary.value:
            if value.tag == "valid_nats_per_char":
                logged.append(float(tf.make_ndarray(value.tensor)))
    assert logged == pytest.approx([float(row["valid_nats_per_char"]) for row in rows(book.path)])


def test_the_config_says_what_was_trained(book):
    values = json.loads((book.path / "config.json").read_text())
    assert values["app"] == "char_lm"
    assert values["data"] == str(book.source)
    assert values["seed"] == 5
    assert values["config"]["units"] == list(book.run.config.units)
    assert values["versions"]["kerasrnn"] == kerasrnn.__version__


def test_the_learning_curve_is_a_picture(book):
    with Image.open(book.path / "plots" / "learning_curve.png") as picture:
        assert picture.size == (840, 504)
        assert len(picture.convert("L").getcolors()) > 10


def test_the_time_alone_ends_a_training(book, tmp_path):
    run = char_lm.train(book.source, config=QUICK, out=tmp_path / "run", max_minutes=0.001)
    history = rows(run.folder.path)
    assert float(history[-1]["seconds"]) >= 0.06
    assert all(float(row["seconds"]) <= 0.06 for row in history[:-1])


def test_a_loss_that_is_no_number_ends_the_training_in_one_line(book, tmp_path):
    settings = ("optimizer=adamw", "learning_rate=1e38", "clip_norm=1e30", "epoch_steps=9")
    with pytest.raises(UserError, match=r"must stay finite, got .* of pass 1, which is kept in"):
        char_lm.train(book.source, config=QUICK, settings=settings, out=tmp_path / "run")
    assert not (tmp_path / "run" / "model.keras").exists()
    with pytest.raises(UserError, match=r"does not: its training has not ended.*--resume"):
        kerasrnn.load(tmp_path / "run")


def test_a_finished_run_goes_on_only_where_a_later_end_is_given(copy):
    before = rows(copy)
    char_lm.train(resume=True, out=copy)
    assert rows(copy) == before
    run = char_lm.train(resume=True, out=copy, epochs=len(before) + 1)
    after = rows(copy)
    assert after[:-1] == before
    assert int(after[-1]["step"]) == int(before[-1]["step"]) / len(before) * len(after)
    assert json.loads((copy / "config.json").read_text())["epochs"] == len(before) + 1
    assert run.evaluate(split="valid")["nats_per_char"] == pytest.approx(
        float(after[-1]["valid_nats_per_char"]), rel=1e-5
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", ""),
        ("config.json", "[]"),
        ("config.json", '{"app": "char_lm"}'),
        ("config.json", '{"app": "char_lm", "config": []}'),
        ("config.json", '{"app": 3, "config": {}}'),
        ("config.json", '{"app": "bogus", "config": {}}'),
        ("config.json", '{"app": "char_lm", "config": {"bogus": 1}}'),
        ("config.json", '{"app": "char_lm", "config": {"units": "wide"}}'),
        ("assets/vocabulary.json", ""),
        ("assets/vocabulary.json", "[]"),
        ("assets/vocabulary.json", '{"characters": "ab", "replacement": 2}'),
        ("model.keras", ""),
        ("model.keras", "PK\x03\x04"),
    ],
)
def test_a_damaged_run_is_refused_in_one_line(copy, name, text):
    (copy / name).write_text(text)
    with pytest.raises(UserError) as caught:
        kerasrnn.load(copy)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_model_with_one_wrong_byte_in_its_weights_is_refused(copy):
    data = bytearray((copy / "model.keras").read_bytes())
    data[len(data) // 2] ^= 255
    (copy / "model.keras").write_bytes(data)
    with pytest.raises(UserError, match="cannot be loaded"):
        kerasrnn.load(copy)
    (copy / "model.keras").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"cannot be loaded: it is damaged, no \.keras file"):
        kerasrnn.load(copy)


def test_a_run_goes_on_only_as_its_own_app(copy):
    values = json.loads((copy / "config.json").read_text())
    RunFolder(copy).write_config(values | {"app": "no_such_app"})
    with pytest.raises(UserError, match="holds a run of no_such_app, not of char_lm"):
        char_lm.train(resume=True, out=copy)
    with pytest.raises(UserError, match="An app must be one of"):
        Run(copy)
