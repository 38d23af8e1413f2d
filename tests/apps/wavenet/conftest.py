"""A tiny run of each network on generated notes, trained once; the recurrent one knows its time."""

import pytest

from kerasrnn.apps import wavenet

SETTINGS = ("default=instruments", "seconds=1.5")


@pytest.fixture(scope="package")
def waves(tmp_path_factory):
    return _trained(tmp_path_factory, "wavenet")


@pytest.fixture(scope="package")
def frames(tmp_path_factory):
    return _trained(tmp_path_factory, "sample_rnn")


def _trained(factory, network: str):
    out = factory.mktemp("wavenet") / network
    settings = (*SETTINGS, f"network={network}")
    if network != "wavenet":
        settings += ("outputs=logistics", "timed=true")
    return wavenet.train(preset="tiny", settings=settings, out=out, seed=1)
