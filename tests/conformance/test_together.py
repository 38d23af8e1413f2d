"""Two processes with half of each batch learn what one learns with the whole, whatever the app."""

import json
from pathlib import Path

import numpy as np
import pytest

from kerasrnn import learning
from kerasrnn.app import app_names, find_app
from kerasrnn.training.distribution import Team
from kerasrnn.training.folder import RunFolder
from tests.training.team import begun, ended

SCRIPT = """
import json, sys
from pathlib import Path
from kerasrnn.cli.quiet import load_tensorflow
load_tensorflow()
from kerasrnn import learning
from kerasrnn.training.gathering import gathered
learning._finish = lambda *parts: None
with gathered("multi-worker") as team:
    for plan in json.loads(Path(sys.argv[1]).read_text()):
        learning.carried_out(team, plan)
"""
# where sounds are varied, a rounding by the place in a batch is much in the logarithm of near silence
PLAIN = ("noise=0", "speed=0", "level=0", "shift=0")
MORE = {"deepspeech": PLAIN, "captioner": ("features=grid", "image=soft_attention")}


@pytest.fixture(scope="module")
def learned(samples, tmp_path_factory):
    """name of an app -> the run folders of one process and of two, with their checkpoints only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "_finish", lambda *parts: None)
        yield _learned(samples, tmp_path_factory)


def _learned(samples, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("together")
    plans, found = [], {}
    for name in app_names():
        (folder / name).mkdir()
        source = samples[name].write(folder / name)
        app = find_app(name)
        settings = ("epoch_steps=4", *MORE.get(name, ()))
        if hasattr(app.presets["tiny"], "dropout"):
            settings += ("dropout=0",)
        alone, together = folder / name / "alone", folder / name / "together"
        limits, own = {"epochs": 1, "max_minutes": None}, {"seed": 4, "precision": "float32"}
        own |= {"jit": "off", "deterministic": False}
        numbers = "tiny", None, settings
        values = learning.decided(app, RunFolder(alone), source, numbers, limits, own, False)
        plan = {"folder": str(alone), "values": values, "resume": False, "profile": False}
        learning.carried_out(Team(), plan)
        plans.append(plan | {"folder": str(together)})
        found[name] = alone, together
    (folder / "plans.json").write_text(json.dumps(plans))
    both = ended(begun([folder / "plans.json"], script=SCRIPT), timeout=1500)
    assert [code for code, _, _ in both] == [0, 0], both
    return found


@pytest.mark.parametrize("name", app_names())
def test_two_processes_give_the_weights_of_one_with_the_whole_batch(name, learned):
    alone, together = (
        np.load(Path(folder) / "checkpoints" / "last.npz") for folder in learned[name]
    )
    assert set(alone.files) == set(together.files)
    moved = 0.0
    for key in sorted(set(alone.files) - {"state"}):
        if key.startswith("model/"):
            np.testing.assert_allclose(together[key], alone[key], atol=1e-5, err_msg=key)
            moved = max(moved, float(np.abs(alone[key]).max(initial=0)))
    assert moved > 0
    rows = [json.loads(bytes(one["state"]))["history"][0]["loss"] for one in (alone, together)]
    assert rows[1] == pytest.approx(rows[0], rel=1e-4)
