"""Files and folders that are written whole or not at all."""

import os

import pytest

from kerasrnn.errors import UserError
from kerasrnn.files import (
    clear_parts,
    holds_something,
    read_json,
    read_text,
    require_place,
    whole_file,
    whole_folder,
    write_text,
)


def test_a_file_appears_whole_with_its_folders_and_replaces_the_old_one(tmp_path, tree):
    path = tmp_path / "a" / "b" / "c.txt"
    write_text(path, "first ü")
    write_text(path, "second")
    assert path.read_text("utf-8") == "second"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [str(name) for name in tree(tmp_path)] == ["a", "a/b", "a/b/c.txt"]


def test_a_failed_file_leaves_the_old_one_and_nothing_else(tmp_path, tree):
    path = tmp_path / "c.txt"
    write_text(path, "old")

    def fail():
        with whole_file(path) as temporary:
            assert temporary.suffix == ".txt"
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert [path.name for path in tree(tmp_path)] == ["c.txt"]


def test_a_folder_appears_whole_and_never_over_another(tmp_path, tree):
    path = tmp_path / "models" / "1"
    with whole_folder(path) as temporary:
        (temporary / "x").write_text("y")
        assert not path.exists()
    assert (path / "x").read_text() == "y"
    assert path.stat().st_mode & 0o777 == 0o755
    before = tree(tmp_path)
    with pytest.raises(FileExistsError), whole_folder(path) as temporary:
        (temporary / "x").write_text("z")
    assert tree(tmp_path) == before
    assert (path / "x").read_text() == "y"


def test_a_failed_folder_leaves_nothing_not_even_the_folders_above_it(tmp_path, tree):
    (tmp_path / "kept").mkdir()

    def fail(path):
        with whole_folder(path) as temporary:
            (temporary / "deep").mkdir()
            (temporary / "deep" / "x").write_text("half")
            raise RuntimeError

    for path in (tmp_path / "models" / "name" / "1", tmp_path / "kept" / "1"):
        with pytest.raises(RuntimeError):
            fail(path)
    assert [path.name for path in tree(tmp_path)] == ["kept"]


def test_what_a_kill_leaves_counts_for_nothing_and_can_be_cleared(tmp_path, tree):
    path = tmp_path / "config.json"
    with whole_file(path) as temporary:
        assert not holds_something(tmp_path)
        left = temporary.with_name(temporary.name + "x")
        left.write_text("half")
    (tmp_path / ".part-folder" / ".part-inside").mkdir(parents=True)
    assert holds_something(tmp_path)
    clear_parts(tmp_path)
    assert [path.name for path in tree(tmp_path)] == ["config.json"]


def test_a_text_is_read_from_a_regular_file_of_bounded_size(tmp_path):
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbfyes")
    assert read_text(tmp_path / "marked", 6) == "yes"
    os.mkfifo(tmp_path / "pipe")
    refusals = {"pipe": "not a regular file", "marked": "larger than 5 bytes", "none": "No such"}
    for name, said in refusals.items():
        with pytest.raises(OSError, match=said):
            read_text(tmp_path / name, 5)


def test_json_that_is_nested_too_deeply_is_none(tmp_path):
    (tmp_path / "deep").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(tmp_path / "deep")


def test_a_place_under_a_file_is_refused_before_anything_is_made(tmp_path, tree):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "a" / "b"):
        with pytest.raises(UserError, match="file is not a folder that can be written to"):
            require_place(path)
    require_place(tmp_path / "a" / "b")
    require_place(tmp_path)
    assert [path.name for path in tree(tmp_path)] == ["file"]
