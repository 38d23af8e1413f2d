"""Configurations: read from words, written to JSON, refused in one sentence."""

import json
from dataclasses import dataclass

import pytest

from kerasrnn.errors import UserError
from kerasrnn.settings import from_json, known, positive, to_json, unit_interval, with_settings


@dataclass(frozen=True)
class Sizes:
    count: int = 3
    rate: float = 0.5
    name: str = "a"
    fast: bool = False
    units: tuple[int, ...] = (4,)
    shares: tuple[float, ...] = (0.5,)

    def __post_init__(self):
        positive("count", self.count)


def test_words_become_values_of_the_fields_types():
    words = ["count=7", "rate=1e-3", "name=b=c", "fast=Yes", "units=8, 16,", "shares=1,2.5"]
    got = with_settings(Sizes(), words)
    assert got == Sizes(7, 1e-3, "b=c", True, (8, 16), (1.0, 2.5))
    assert [type(value) for value in got.shares] == [float, float]
    assert with_settings(got, []) == got
    assert with_settings(got, ["fast=0", "units=1", "units=2"]) == Sizes(
        7, 1e-3, "b=c", False, (2,), (1.0, 2.5)
    )


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("cuont=1", "A setting's key must be one of .*count.*; got 'cuont'. Did you mean 'count'"),
        ("count", "A setting must be written key=value, got 'count'"),
        ("=1", "A setting's key must be one of"),
        ("count=1.5", "`count` must be of type int, got '1.5'"),
        ("count=", "`count` must be of type int, got ''"),
        ("rate=fast", "`rate` must be of type float, got 'fast'"),
        ("rate=nan", "`rate` must be of type float, got 'nan'"),
        ("rate=inf", "`rate` must be of type float"),
        ("fast=maybe", "`fast` must be of type bool, got 'maybe'"),
        ("units=1,x", r"`units` must be of type tuple\[int, ...\], got '1,x'"),
        ("count=-1", "`count` must be above 0, got -1"),
    ],
)
def test_a_wrong_word_is_refused_in_one_sentence(word, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        with_settings(Sizes(), [word])
    assert "\n" not in str(caught.value)


def test_a_configuration_survives_json():
    config = Sizes(5, 0.25, "ü", True, (1, 2), ())
    assert from_json(Sizes, json.loads(json.dumps(to_json(config)))) == config
    assert from_json(Sizes, {}) == Sizes()
    assert from_json(Sizes, {"rate": 1}) == Sizes(rate=1.0)


@pytest.mark.parametrize(
    "values",
    [
        {"bogus": 1},
        {"count": 1.0},
        {"count": True},
        {"count": "1"},
        {"count": None},
        {"fast": 1},
        {"units": 4},
        {"units": [1.5]},
        {"rate": "0.5"},
        {"name": 3},
        {"count": 0},
    ],
)
def test_json_of_another_type_or_key_is_refused(values):
    with pytest.raises(UserError):
        from_json(Sizes, values)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, -0.5])
def test_no_number_that_is_not_a_size_passes_for_one(value):
    for or_zero in (False, True):
        with pytest.raises(ValueError, match="must be"):
            positive("x", value, or_zero)
    with pytest.raises(ValueError, match="must be"):
        unit_interval("x", value, closed=True)


def test_the_ends_of_a_range_count_as_said():
    positive("x", 0, or_zero=True)
    unit_interval("x", 0)
    unit_interval("x", 1, closed=True)
    with pytest.raises(ValueError, match="above 0"):
        positive("x", 0)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        unit_interval("x", 1)


def test_a_near_name_is_guessed_and_a_far_one_is_not():
    with pytest.raises(
        UserError, match=r"one of lstm, simple_rnn; got 'lstn'\. Did you mean 'lstm'"
    ):
        known("lstn", {"simple_rnn": 1, "lstm": 2}, "A cell")
    with pytest.raises(UserError, match=r"got 'quaternion'\.$"):
        known("quaternion", ["lstm"], "A cell")
