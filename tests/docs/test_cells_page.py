"""The cells' page and the front page tell of what there is."""

from pathlib import Path
from typing import get_args

import pytest

from kerasrnn.builders import Stack
from kerasrnn.builders.knobs import Depth
from kerasrnn.cell_names import CELL_NAMES
from kerasrnn.cells import LSTMCell

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cells.md").read_text("utf-8")
COUNTS = {5: "five", 6: "six", 7: "seven", 8: "eight"}


@pytest.mark.parametrize("name", [*CELL_NAMES, *LSTMCell(1).drop_names, "layer_norm", "seed"])
def test_the_page_names_every_cell_and_every_drop(name):
    assert f"`{name}`" in PAGE


def test_the_ways_to_depth_are_counted_right():
    ways = f"{COUNTS[len(get_args(Depth))]} ways"
    assert f"with {ways} to depth" in (ROOT / "README.md").read_text("utf-8")
    assert f"in one of {ways} (" in Stack.__doc__
