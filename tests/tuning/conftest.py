"""What searches are tried on."""

import pytest

from kerasrnn.settings import replace
from kerasrnn.tuning import hyper_app
from tests.tuning.searches import CHAR


@pytest.fixture
def few_units(monkeypatch):
    """A search space of small networks, in this process, so that a trial takes a second."""
    monkeypatch.setattr(hyper_app, "_leaves_memory", lambda: False)
    monkeypatch.setattr(CHAR.file("tune"), "hyperparameters", _space)


def _space(hp, config):
    return replace(
        config,
        units=(hp.Int("units", 2, 30, default=9),),
        learning_rate=hp.Float("learning_rate", 1e-3, 1e-1, sampling="log"),
    )


@pytest.fixture
def text(tmp_path, samples):
    return str(samples["char_lm"].write(tmp_path))
