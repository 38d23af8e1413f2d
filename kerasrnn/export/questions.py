"""Requests that try an export: {"signature": name, "inputs": {name: what `tf.constant` takes}}."""

import tensorflow as tf


def typed(signatures: dict, question: dict) -> dict:
    """`question` with tensors for inputs, of the types that its signature reads."""
    kinds = {spec.name: spec.dtype for spec in _specs(signatures[question["signature"]])}
    inputs = {name: tf.constant(value, kinds[name]) for name, value in question["inputs"].items()}
    return question | {"inputs": inputs}


def first_question(signatures: dict, name: str, **given) -> dict:
    """What begins a stream: `given`, and one row of 0 for every other input, which is its state."""
    zeros = {
        spec.name: tf.zeros([1 if size is None else size for size in spec.shape], spec.dtype)
        for spec in _specs(signatures[name])
        if spec.name not in given
    }
    return {"signature": name, "inputs": zeros | given}


def _specs(function) -> list[tf.TensorSpec]:
    """The inputs of a `tf.function` that has an input signature, or of a concrete one."""
    if hasattr(function, "get_concrete_function"):
        function = function.get_concrete_function()
    return tf.nest.flatten(function.structured_input_signature)
