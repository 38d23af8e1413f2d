"""What a user sets of a cell by text."""

import random

import pytest

from kerasrnn.builders.cell_options import cell_options
from kerasrnn.errors import UserError


def test_text_becomes_the_numbers_and_words_that_a_cell_takes():
    given = ("zoneout=0.1", "layer_norm=true", "projection=3", "activation=relu", "seed=none")
    assert cell_options("projected_lstm", given) == {
        "zoneout": 0.1, "layer_norm": True, "projection": 3, "activation": "relu", "seed": None,
    }  # fmt: skip
    assert cell_options("gru", ()) == {}
    given = ("without=input|output", "zoneout=0.1|0.2")
    assert cell_options("peephole_lstm", given) == {
        "without": ("input", "output"), "zoneout": (0.1, 0.2),
    }  # fmt: skip
    assert cell_options("peephole_lstm", ("without=output",)) == {"without": "output"}


def test_options_are_tried_on_the_layers_units():
    assert cell_options("structured_rnn", ("context=8",), (16, 32)) == {"context": 8}
    with pytest.raises(UserError, match="got 8 of 8 units"):
        cell_options("structured_rnn", ("context=8",), (16, 8))


def test_what_is_tried_changes_no_later_draw():
    random.seed(1)
    cell_options("lstm", ("zoneout=0.1",))
    after = random.random()
    random.seed(1)
    assert random.random() == after


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("tau",), "must be written key=value, got 'tau'"),
        (("taus=4",), "must be such as leaky_rnn takes: .*taus"),
        (("tau=0.5",), "must be such as leaky_rnn takes: `tau` must be at least 1"),
        (("tau=long",), "must be such as leaky_rnn takes"),
    ],
)
def test_what_a_cell_does_not_take_is_refused_in_a_sentence(given, said):
    with pytest.raises(UserError, match=said) as refused:
        cell_options("leaky_rnn", given)
    assert "\n" not in str(refused.value)
