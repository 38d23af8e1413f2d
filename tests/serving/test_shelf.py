"""A folder that changes while it is served."""

import shutil

import numpy as np
import pytest

from kerasrnn.errors import UserError
from kerasrnn.serving.refusal import Refusal
from kerasrnn.serving.shelf import Shelf


def answer(shelf, name="toy"):
    """What the served version makes of 1 + 2: three times its factor."""
    signature = shelf.find(name).signatures["serving_default"]
    return signature({"x": np.float32([[1, 2]]), "word": np.array([b""], object)})["y"].tolist()


def states(shelf, name="toy"):
    return {number: state.name for number, state in shelf.states(name).items()}


@pytest.fixture
def shelf(tmp_path, toy):
    """A shelf of one version, and what it has said."""
    toy(tmp_path / "toy")
    said = []
    shelf = Shelf(tmp_path, said.append)
    shelf.said, shelf.folder = said, tmp_path / "toy"
    shelf.look()
    return shelf


def test_a_new_version_takes_over_and_what_is_held_goes_on(shelf, toy):
    assert answer(shelf) == [6.0]
    assert "serving_default in batches" in shelf.said[0]
    assert "ragged one by one: `same` has an axis of free length" in shelf.said[0]
    assert "scalar one by one: `n` has no free first axis" in shelf.said[0]
    old = shelf.find("toy")
    toy(shelf.folder, 5.0)
    shelf.look()
    assert answer(shelf) == [15.0]
    assert states(shelf) == {2: "AVAILABLE", 1: "END"}
    with pytest.raises(Refusal, match=r"Specific\(toy, 1\)"):
        shelf.find("toy", 1)
    word = np.array([b""], object)
    held = old.signatures["serving_default"]({"x": np.float32([[1, 2]]), "word": word})
    assert held["y"].tolist() == [6.0]
    shutil.rmtree(shelf.folder / "2")
    shelf.look()
    assert answer(shelf) == [6.0]
    assert states(shelf) == {2: "END", 1: "AVAILABLE"}


def test_a_model_is_found_whenever_it_is_asked_for_while_a_version_takes_over(tmp_path, toy):
    toy(tmp_path / "toy")
    found = []

    def teller(line):  # as slow as requests are quick
        found.append((line, shelf.find("toy").number, states(shelf)))

    shelf = Shelf(tmp_path, teller)
    shelf.look()
    toy(tmp_path / "toy", 5.0)
    shelf.look()
    assert found[1] == ("toy 1 is unloaded: 2 takes over.", 2, {2: "AVAILABLE", 1: "END"})
    assert [number for _, number, _ in found] == [1, 2, 2]


def test_a_damaged_version_is_said_once_and_the_old_one_goes_on_until_it_is_mended(shelf, toy):
    version = toy(shelf.folder, 5.0)
    graph = (version / "saved_model.pb").read_bytes()
    (version / "saved_model.pb").write_bytes(graph[:1000])
    for _ in range(3):
        shelf.look()
    assert answer(shelf) == [6.0]
    assert len(shelf.said) == 2
    assert shelf.said[1].startswith("toy 2 is damaged and not served: ")
    state = shelf.states("toy", 2)[2]
    assert (state.name, state.code) == ("END", "UNKNOWN")
    assert state.message in shelf.said[1]
    (version / "saved_model.pb").write_bytes(graph)
    shelf.look()
    assert answer(shelf) == [15.0]


@pytest.mark.parametrize("harm", ["variables", "warmup", "empty"])
def test_other_damage_is_seen_too(shelf, toy, harm):
    version = toy(shelf.folder, 5.0)
    data = version / "variables" / "variables.data-00000-of-00001"
    if harm == "variables":
        data.unlink()
    elif harm == "warmup":
        (version / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"no record" * 20)
    else:
        (version / "saved_model.pb").write_bytes(b"")
    shelf.look()
    assert answer(shelf) == [6.0]
    assert states(shelf) == {2: "END", 1: "AVAILABLE"}


def test_models_come_and_go(shelf, toy):
    toy(shelf.folder.parent / "more", 3.0)
    (shelf.folder.parent / "models.config").write_text("")
    shelf.look()
    assert shelf.names() == ["more", "toy"]
    shutil.rmtree(shelf.folder)
    shelf.look()
    assert shelf.names() == ["more"]
    assert states(shelf) == {1: "END"}
    with pytest.raises(Refusal, match=r"Latest\(toy\)"):
        shelf.find("toy")
    toy(shelf.folder, 7.0)  # again number 1
    shelf.look()
    assert answer(shelf) == [21.0]


def test_one_models_folder_is_served_by_its_name(shelf):
    single = Shelf(shelf.folder, [].append)
    single.look()
    assert single.names() == ["toy"]
    assert answer(single) == [6.0]


def test_a_folder_without_models_is_refused(shelf, tmp_path):
    (tmp_path / "empty" / "1").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    for place, why in (
        (tmp_path / "none", "not a folder of models"),
        (tmp_path / "file", "not a folder of models"),
        (tmp_path / "empty", "holds none"),
        (shelf.folder / "1", f"one version of a model; give .*{shelf.folder.name}"),
    ):
        with pytest.raises(UserError, match=why):
            Shelf(place, [].append)
