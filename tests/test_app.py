"""What an app's folder offers, found by name."""

import pytest

from kerasrnn.app import app_names, find_app
from kerasrnn.cell_names import CELL_NAMES
from kerasrnn.errors import UserError
from kerasrnn.settings import to_json, with_settings


def test_a_preset_grows_with_the_minutes_that_it_is_given():
    app = find_app("char_lm")
    plain, grown = to_json(app.preset("small")), to_json(app.preset("small", 15))
    assert to_json(app.preset("small", 1.25)) == plain
    assert {key: grown[key] for key in grown if grown[key] != plain[key]} == app.growth("small", 15)
    assert app.growth("tiny", 15) == {}


def test_a_cell_that_answers_by_itself_stays_one_layer_however_long_it_trains():
    app, alone = find_app("char_lm"), ("cell=output_rnn", "dropout=0")
    assert app.preset("small", 15, alone) == app.preset("small", None, alone)
    with pytest.raises(UserError, match="`depth` must be stacked with cell=output_rnn"):
        app.preset("small", None, (*alone, "depth=stacked_shortcut"))


def test_a_long_training_of_speech_is_held_back_and_may_still_be_a_stream():
    app = find_app("deepspeech")
    assert app.preset("small", 3).recurrent_dropout == 0
    assert app.preset("small", 8).recurrent_dropout > 0 == app.preset("small", 8).filters
    assert [app.preset("small", m).average for m in (3, 8, 30)] == [0, 0.998, 0]
    whole, stream = (app.preset("small", 30, given) for given in ((), ("streaming=true",)))
    assert whole.recurrent_dropout == stream.recurrent_dropout > 0
    assert (whole.filters, stream.filters) == (8, 0)
    own = app.preset("small", 30, ("filters=4", "noise=0"))
    assert (own.filters, own.noise, own.dropout) == (4, 0, whole.dropout)


def test_an_unknown_app_or_preset_is_named_beside_those_that_there_are():
    with pytest.raises(UserError, match="char_lm"):
        find_app("charlm")
    with pytest.raises(UserError, match="base, small, tiny"):
        find_app(app_names()[0]).preset("smal")


@pytest.mark.parametrize("name", app_names())
def test_every_app_takes_every_cell_or_says_why_it_takes_no_output_rnn(name):
    tiny = find_app(name).preset("tiny")
    for cell in CELL_NAMES:
        if cell == "output_rnn" and name != "char_lm":
            with pytest.raises(
                UserError, match=r"`cell` must leave the answer to the .*; output_rnn"
            ):
                with_settings(tiny, [f"cell={cell}"])
        else:
            assert with_settings(tiny, [f"cell={cell}"]).cell == cell
