"""Piano rolls, written by hand and read back."""

import json

import numpy as np
import pytest
from scipy.io import savemat

from kerasrnn.data.music import LOWEST, open_music, piano_roll
from kerasrnn.errors import UserError


def cells(rolls):
    """A MATLAB cell array of one row."""
    row = np.empty((1, len(rolls)), object)
    for n, roll in enumerate(rolls):
        row[0, n] = roll
    return row


@pytest.fixture
def rolls(rng):
    return [(rng.random((steps, 88)) < 0.1).astype("uint8") for steps in (5, 3, 9, 4)]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_papers_matlab_file_is_read_cell_by_cell(tmp_path, rolls):
    file = tmp_path / "JSB_Chorales.mat"
    parts = {"traindata": rolls[:2], "validdata": rolls[2:3], "testdata": rolls[3:]}
    savemat(file, {name: cells(part) for name, part in parts.items()})
    music = open_music(file)
    for split, part in zip(("train", "valid", "test"), parts.values(), strict=True):
        assert len(music.splits[split]) == len(part)
        for found, roll in zip(music.splits[split], part, strict=True):
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, roll)


def test_a_matlab_file_without_a_split_or_with_other_cells_is_refused(tmp_path, rolls):
    file = tmp_path / "a.mat"
    savemat(file, {"traindata": cells(rolls)})
    with pytest.raises(UserError, match="'validdata'"):
        open_music(file)
    wide = [np.zeros((4, 90))]
    savemat(file, {name: cells(wide) for name in ("traindata", "validdata", "testdata")})
    with pytest.raises(UserError, match=r"\(4, 90\)"):
        open_music(file)
    file.write_bytes(b"no MATLAB")
    with pytest.raises(UserError, match="Cannot read"):
        open_music(file)


@pytest.mark.parametrize("valid", [[], [np.zeros((1, 88))]], ids=["no piece", "no next step"])
def test_a_matlab_file_with_nothing_to_validate_on_is_refused(tmp_path, rolls, valid):
    file = tmp_path / "a.mat"
    parts = {"traindata": rolls, "validdata": valid, "testdata": rolls}
    savemat(file, {name: cells(part) for name, part in parts.items()})
    with pytest.raises(UserError, match="'validdata' must hold piano rolls of 2 steps or more"):
        open_music(file)


@pytest.mark.filterwarnings("ignore::UserWarning")  # SciPy's, of what it goes on reading
def test_a_damaged_matlab_file_is_read_or_refused_in_a_sentence(tmp_path, rolls):
    file = tmp_path / "a.mat"
    parts = {name: cells(rolls) for name in ("traindata", "validdata", "testdata")}
    savemat(file, parts, do_compression=True)
    whole, refused = file.read_bytes(), []
    for bit in range(0, 8 * len(whole), 5):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        try:
            open_music(file)
        except UserError as error:
            refused.append(str(error))
    for size in range(0, len(whole), 50):
        file.write_bytes(whole[:size])
        with pytest.raises(UserError):
            open_music(file)
    assert any("Cannot read" in sentence and "decompressing" in sentence for sentence in refused)
    assert any("Expecting" in sentence for sentence in refused)  # SciPy's TypeError


def test_chords_in_json_are_the_piano_rolls_that_the_matlab_file_has(tmp_path, rolls):
    parts = {"train": rolls[:2], "valid": rolls[2:3], "test": rolls[3:]}
    mat, chords = tmp_path / "a.mat", tmp_path / "a.json"
    savemat(mat, {f"{split}data": cells(part) for split, part in parts.items()})
    steps = {
        split: [[(np.flatnonzero(step) + LOWEST).tolist() for step in roll] for roll in part]
        for split, part in parts.items()
    }
    chords.write_text(json.dumps(steps))
    expected, found = open_music(mat).splits, open_music(chords).splits
    for split, part in expected.items():
        assert len(found[split]) == len(part)
        for roll, wanted in zip(found[split], part, strict=True):
            assert roll.dtype == np.float32
            np.testing.assert_array_equal(roll, wanted)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"train": [[[60], [62]]], "valid": [[[60], [62]]]}', "'test'"),
        ('{"train": [[[60], [20]]], "valid": [], "test": []}', "20 is not one"),
        ('{"train": [[[60], [true]]], "valid": [], "test": []}', "True is not one"),
        ('{"train": [[[60], 61]], "valid": [], "test": []}', "not iterable"),
        ('{"train": [[[60], [62]]], "valid": [[[60]]], "test": []}', "'valid' must hold pieces"),
        ("[1, 2]", "indices must be integers"),
        ("{", "Expecting"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_json_that_holds_no_chords_is_refused_in_a_sentence(tmp_path, text, why):
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(UserError, match=why):
        open_music(file)


def test_json_that_would_fill_the_memory_is_refused_unread(tmp_path):
    file = tmp_path / "a.json"
    file.write_text("[" + "[]," * 3_000_000 + "[]]")
    with pytest.raises(UserError, match=r"does not: .*8,388,608 bytes"):
        open_music(file)


def test_a_pickle_is_refused_by_its_name(tmp_path):
    with pytest.raises(UserError, match=r"\.mat or \.json file or a folder"):
        open_music(tmp_path / "JSB_Chorales.pickle")


def test_a_key_sounds_at_the_quarters_that_its_note_covers():
    roll = piano_roll([(0, 1, 60), (0, 4, 48), (1.5, 1, 62), (2.25, 0.5, 64), (0, 1, 10)])
    sounding = [np.flatnonzero(step) + LOWEST for step in roll]
    assert [step.tolist() for step in sounding] == [[48, 60], [48], [48, 62], [48]]


def test_the_pieces_of_a_folder_go_whole_to_the_split_of_their_names(tmp_path):
    music21 = pytest.importorskip("music21")
    for n in range(40):
        score = music21.stream.Stream()
        score.append(music21.note.Note(60 + n % 12, quarterLength=2))
        score.append(music21.chord.Chord([48, 55], quarterLength=1 + n % 3))
        score.write("midi", tmp_path / f"{n}.mid")
    music = open_music(tmp_path)
    assert sum(len(part) for part in music.splits.values()) == 40
    (again,) = (part for name, part in open_music(tmp_path).splits.items() if name == "test")
    for one, other in zip(music.splits["test"], again, strict=True):
        np.testing.assert_array_equal(one, other)
    keys = {tuple(np.flatnonzero(roll[-1]) + LOWEST) for roll in music.splits["train"]}
    assert keys == {(48, 55)}
    assert {len(roll) for roll in music.splits["train"]} == {3, 4, 5}


def test_a_folder_without_music_is_refused(tmp_path):
    with pytest.raises(UserError, match="add more files"):
        open_music(tmp_path)
