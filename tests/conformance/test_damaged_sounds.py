"""A recording that only its samples give away is told before training, also one of the test split."""

import csv

import numpy as np
import pytest
import soundfile

from kerasrnn.apps import deepspeech, whale
from kerasrnn.data.splits import side
from kerasrnn.errors import UserError

APPS = {"deepspeech": deepspeech, "whale": whale}


def of_the_test_split(name: str, folder) -> list[str]:
    """Two recordings that the app keeps for the test, by name."""
    if name == "whale":
        return [file.name for file in sorted(folder.rglob("*.aiff")) if side(file.name) == "test"][
            :2
        ]
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        return [row["path"] for row in csv.DictReader(file) if row["split"] == "test"][:2]


@pytest.mark.parametrize("name", APPS)
def test_all_that_cannot_be_decoded_is_told_before_training(name, samples, tmp_path):
    folder = samples[name].write(tmp_path)
    names = of_the_test_split(name, folder)
    for damaged in names:
        (path,) = folder.rglob(damaged)
        rate = soundfile.info(path).samplerate
        soundfile.write(path, np.full(rate, np.nan), rate, subtype="FLOAT")
    with pytest.raises(UserError, match=r"2 of .* recordings cannot be used") as told:
        APPS[name].train(folder, preset="tiny", out=tmp_path / "run")
    assert all(damaged in str(told.value) for damaged in names)
    assert not (tmp_path / "run").exists()
