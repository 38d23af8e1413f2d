"""Asks a SavedModel the questions of a file and writes its answers; run as a script, it needs TensorFlow only.

    python ask.py MODEL QUESTIONS ANSWERS

A question is a JSON object {"signature": name, "inputs": {name: list or number}}; bytes in it are
{"b64": text}, as TF Serving has them.
"""

import base64
import json
import sys


def ask(model_path: str, questions_path: str, answers_path: str) -> None:
    import tensorflow as tf

    with open(questions_path, encoding="utf-8") as file:
        questions = json.load(file, object_hook=_bytes)
    model = tf.saved_model.load(model_path)
    answers = []
    for question in questions:
        signature = model.signatures[question["signature"]]
        wanted = signature.structured_input_signature[1]
        inputs = {
            name: tf.constant(value, wanted[name].dtype)
            for name, value in question["inputs"].items()
        }
        answers.append({name: plain(value.numpy()) for name, value in signature(**inputs).items()})
    assert "kerasrnn" not in sys.modules
    with open(answers_path, "w", encoding="utf-8") as file:
        json.dump(answers, file)


def _bytes(value: dict):
    return base64.b64decode(value["b64"]) if set(value) == {"b64"} else value


def plain(array) -> list:
    """An answer as JSON holds it, texts in one row."""
    if array.dtype == object:
        return [item.decode("utf-8", "replace") for item in array.reshape(-1)]
    return array.tolist()


if __name__ == "__main__":
    ask(*sys.argv[1:4])
