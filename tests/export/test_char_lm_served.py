"""The exported character model, asked in a process that has TensorFlow and nothing of kerasrnn."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

ASK = """
import json, sys
sys.modules["kerasrnn"] = None  # whoever imports it fails
import tensorflow as tf
served = tf.saved_model.load(sys.argv[1])
types = {"prompt": "string", "text": "string", "temperature": "float32", "top_p": "float32"}
answers = []
for name, inputs in json.load(sys.stdin):
    tensors = {key: tf.constant(value, types.get(key, "int32")) for key, value in inputs.items()}
    answer = {key: value.numpy().tolist() for key, value in served.signatures[name](**tensors).items()}
    answers.append({k: [x.decode() if isinstance(x, bytes) else x for x in v] for k, v in answer.items()})
print(json.dumps(answers))
"""
OPTIONS = {"length": 24, "temperature": 0.9, "top_k": 0, "top_p": 1.0, "seed": 4}
EACH = {
    "length": [5, 30, 0],
    "temperature": [0.0, 1.3, 1.0],
    "top_k": [0, 4, 1],
    "top_p": [1.0, 0.8, 1.0],
    "seed": [9, -3, 2**31 - 1],
}
PROMPTS = ["the ", "", "κόσμε ∀😀"]
TEXTS = ["the end\nthe fox", "", "κ", "never seen: ∀ß"]
QUESTIONS = [
    ["serving_default", {"prompt": PROMPTS, **OPTIONS}],
    ["serving_default", {"prompt": PROMPTS[:1], **OPTIONS}],
    ["serving_default", {"prompt": PROMPTS, **EACH}],
    ["serving_default", {"prompt": PROMPTS[2:], **OPTIONS, "seed": [4]}],
    ["score", {"text": TEXTS}],
    ["score", {"text": TEXTS[:1]}],
]


@pytest.fixture(scope="module")
def book(tiny):
    return tiny("char_lm")


@pytest.fixture(scope="module")
def answers(book, tmp_path_factory):
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(book.export)],
        input=json.dumps(QUESTIONS),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path_factory.mktemp("elsewhere"),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_served_text_is_the_predicted_text_of_the_same_seed(book, answers):
    predicted = book.run.predict(PROMPTS, **OPTIONS)
    assert answers[0]["text"] == predicted
    assert [len(text) for text in predicted] == [24] * 3


def test_a_row_is_answered_as_if_it_had_come_alone(answers):
    assert answers[1]["text"] == answers[0]["text"][:1]
    assert answers[3]["text"] == answers[0]["text"][2:]


def test_each_row_may_have_its_own_options(book, answers):
    for row, prompt in enumerate(PROMPTS):
        options = {name: values[row] for name, values in EACH.items()}
        assert answers[2]["text"][row] == book.run.predict([prompt], **options)[0]
    assert [len(text) for text in answers[2]["text"]] == EACH["length"]


def test_the_score_of_a_text_is_its_cost_in_evaluation(book, answers):
    (book.source.parent / "scored.txt").write_text(TEXTS[0])
    examples, metrics = book.run.judge(str(book.source.parent / "scored.txt"), "all")
    got = answers[4]
    assert got["characters"][0] == examples == len(TEXTS[0]) - 1
    nats = metrics["nats_per_char"] * examples
    assert got["log_probability"][0] == pytest.approx(-nats, rel=1e-4)
    assert answers[5]["log_probability"] == pytest.approx(got["log_probability"][:1], rel=1e-5)


def test_a_text_without_a_transition_has_probability_one(answers):
    assert answers[4]["characters"][1:] == [0, 0, len(TEXTS[3]) - 1]
    assert answers[4]["log_probability"][1:3] == [0.0, 0.0]
    assert answers[4]["log_probability"][3] < 0


def test_the_export_holds_real_requests_to_every_signature(book):
    path = book.export / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        for record in tf.data.TFRecordDataset(str(path))
    ]
    assert {log.model_spec.signature_name for log in logs} == {"serving_default", "beam", "score"}
    assert {log.model_spec.name for log in logs} == {"tiny"}
    served, searched = {"prompt", *OPTIONS}, {"prompt", "length", "width", "alpha"}
    assert all(set(log.inputs) in (served, searched, {"text"}) for log in logs)


def test_one_long_text_among_many_is_refused_before_it_is_padded(book):
    ask = tf.saved_model.load(str(book.export)).signatures["score"]
    texts = tf.constant(["a" * 70_000] + [""] * 255)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most, got 17920000"):
        ask(text=texts)
