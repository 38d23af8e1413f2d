"""JSON to arrays and back, by the rules of TF Serving's REST interface."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from kerasrnn.serving import tensors
from kerasrnn.serving.refusal import Refusal

F, N, S = np.dtype("float32"), np.dtype("int32"), np.dtype("object")


def test_rows_and_columns_of_the_same_values_give_the_same_arrays():
    kinds = {"x": F, "word": S}
    rows = [{"x": [1, 2.5], "word": "ü"}, {"x": [0, -1], "word": {"b64": "/w"}}]
    columns = {"x": [[1, 2.5], [0, -1]], "word": ["ü", {"b64": "/w=="}]}
    for document, in_rows in (({"instances": rows}, True), ({"inputs": columns}, False)):
        arrays, asked_in_rows = tensors.read(document, kinds)
        assert asked_in_rows == in_rows
        assert arrays["x"].dtype == F
        np.testing.assert_array_equal(arrays["x"], [[1, 2.5], [0, -1]])
        assert arrays["word"].tolist() == ["ü".encode(), b"\xff"]


def test_the_only_input_needs_no_name():
    for document in (
        {"instances": [1, 2]},
        {"inputs": [1, 2]},
        {"instances": [{"n": 1}, {"n": 2}]},
    ):
        assert tensors.read(document, {"n": N})[0]["n"].tolist() == [1, 2]
    assert tensors.read({"inputs": 7}, {"n": N})[0]["n"].shape == ()
    assert tensors.read({"inputs": {"b64": "YQ=="}}, {"s": S})[0]["s"].tolist() == b"a"
    assert tensors.read({"inputs": []}, {"n": N})[0]["n"].shape == (0,)
    assert tensors.read({"inputs": [[], []]}, {"s": S})[0]["s"].shape == (2, 0)


WRONG = [
    ({}, "either 'instances' .* or 'inputs'"),
    ({"instances": [1], "inputs": [1]}, "either 'instances' .* or 'inputs'"),
    ({"instances": []}, "one or more rows"),
    ({"instances": {"n": 1}}, "one or more rows"),
    ({"instances": [{"n": 1}, {"m": 1}]}, "Row 1 .* {n}"),
    ({"instances": [{"n": 1}, 2]}, "Row 1 .* {n}"),
    ({"instances": [1, {"n": 1}]}, "kind int32"),
    ({"inputs": {"n": 1, "m": 2}}, "object of {n}"),
    ({"inputs": [[1], 2]}, "different lengths"),
    ({"inputs": [[1], [2, 3]]}, "different lengths"),
    ({"inputs": [1, [2]]}, "kind int32"),
    ({"inputs": None}, "kind int32"),
    ({"inputs": "1"}, "kind int32"),
    ({"inputs": True}, "kind int32"),
    ({"inputs": 1.0}, "kind int32"),
    ({"inputs": 2**31}, "without loss"),
    ({"inputs": json.loads("[" * 40 + "]" * 40)}, "32 axes"),
]


@pytest.mark.parametrize(("document", "why"), WRONG)
def test_what_is_no_request_for_one_whole_number_is_refused(document, why):
    with pytest.raises(Refusal, match=why) as refused:
        tensors.read(document, {"n": N})
    assert refused.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "value", ["\ud800", {"b64": "a"}, {"b64": "ü"}, {"b64": 1}, {"b": "YQ=="}, 1]
)
def test_what_is_no_string_is_refused(value):
    with pytest.raises(Refusal, match="'s'"):
        tensors.array([value], S, "s")


@pytest.mark.parametrize(
    ("value", "kind"),
    [(2**24, F), (1e39, F), (2**53, np.dtype("float64")), (-1, np.dtype("uint8"))],
)
def test_a_number_that_would_be_another_is_refused(value, kind):
    with pytest.raises(Refusal, match="without loss"):
        tensors.array(value, kind, "x")
    assert tensors.array(0, kind, "x") == 0


def test_infinities_and_nan_are_numbers():
    value = json.loads("[NaN, Infinity, -Infinity]")
    np.testing.assert_array_equal(tensors.array(value, F, "x"), np.float32(value))


KINDS = st.sampled_from(["float32", "float64", "int8", "int32", "int64", "uint64", "bool"])


@settings(max_examples=50, deadline=None)
@given(value=KINDS.flatmap(lambda kind: of_numpy.arrays(kind, of_numpy.array_shapes(max_side=3))))
def test_an_array_comes_back_from_json_as_it_was(value):
    if value.dtype.kind == "f":  # whole numbers this large need not survive
        value = np.where(np.isfinite(value), value, 0).astype(value.dtype)
    text = json.dumps(tensors.written({"y": value}, False))
    back = tensors.array(json.loads(text)["outputs"], value.dtype, "y")
    assert back.dtype == value.dtype
    np.testing.assert_array_equal(back, value)


def test_answers_are_written_in_rows_or_columns_and_bytes_by_the_outputs_name():
    text, raw = np.array([b"a", b"\xff"], object), np.array([b"a", b"\xff"], object)
    outputs = {"p": np.float32([0.5, 1]), "s": text, "raw_bytes": raw}
    columns = {"p": [0.5, 1.0], "s": ["a", "�"], "raw_bytes": [{"b64": "YQ=="}, {"b64": "/w=="}]}
    assert tensors.written(outputs, False) == {"outputs": columns}
    first, second = tensors.written(outputs, True)["predictions"]
    assert first == {"p": 0.5, "s": "a", "raw_bytes": {"b64": "YQ=="}}
    assert second == {"p": 1.0, "s": "�", "raw_bytes": {"b64": "/w=="}}
    assert tensors.written({"p": outputs["p"]}, True) == {"predictions": [0.5, 1.0]}
    assert tensors.written({"p": outputs["p"]}, False) == {"outputs": [0.5, 1.0]}


@pytest.mark.parametrize("outputs", [{"n": np.int32(1)}, {"a": np.zeros(2), "b": np.zeros(3)}])
def test_outputs_without_common_rows_cannot_be_had_in_rows(outputs):
    with pytest.raises(Refusal, match="ask in columns"):
        tensors.written({name: np.asarray(value) for name, value in outputs.items()}, True)
