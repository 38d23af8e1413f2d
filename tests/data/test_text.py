"""Text files: what is read, and what is refused before any harm."""

import os

import pytest

from kerasrnn.data import text
from kerasrnn.data.text import read_folder, read_text
from kerasrnn.errors import UserError


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ""),
        (b"a", "a"),
        (b"\xef\xbb\xbfa\xef\xbb\xbf", "a\ufeff"),
        (b"a\r\nb\rc\n\r\nd", "a\nb\nc\n\nd"),
        ("κόσμε 😀 你好\t\x0b\x85\u2028".encode(), "κόσμε 😀 你好\t\x0b\x85\u2028"),
    ],
)
def test_utf8_is_read_without_its_mark_and_with_one_kind_of_line_end(tmp_path, data, expected):
    (tmp_path / "a.txt").write_bytes(data)
    assert read_text(str(tmp_path / "a.txt")) == expected


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"ab\0cd", "holds NUL bytes: it is a binary file"),
        (b"\x89PNG\r\n\x1a\n\0\0", "binary file"),
        (b"abc\xff", "is not at byte 3; convert it"),
        (b"\xef\xbb\xbfab\xe9t\xe9", "is not at byte 5; convert it"),
        ("κό".encode()[:-1], "is not at byte 2"),
        (b"\xed\xa0\x80", "is not at byte 0"),
        ("text".encode("utf-16"), "UTF-8"),
    ],
)
def test_what_is_not_utf8_is_refused_with_the_place(tmp_path, data, sentence):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(UserError, match=sentence):
        read_text(tmp_path / "a.txt")


def test_what_is_no_readable_file_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="No such file"):
        read_text(tmp_path / "missing")
    with pytest.raises(UserError, match="must be a regular file"):
        read_text(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="must be a regular file"):
        read_text(tmp_path / "pipe")
    with pytest.raises(UserError, match="must be a regular file"):
        read_text("/dev/zero")
    with pytest.raises(UserError, match="null"):
        read_text("a\0b")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UserError, match="Cannot read"):
        read_text(tmp_path / "loop")
    (tmp_path / "a.txt").write_text("abc")

    def forbidden(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(text.Path, "read_bytes", forbidden)
    with pytest.raises(UserError, match=r"Cannot read .*a\.txt: Permission denied"):
        read_text(tmp_path / "a.txt")


def test_a_file_over_the_limit_is_refused_unread(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_bytes(b"abcd")
    monkeypatch.setattr(text, "MAX_FILE_BYTES", 4)
    assert read_text(tmp_path / "a.txt") == "abcd"
    monkeypatch.setattr(text, "MAX_FILE_BYTES", 3)
    with pytest.raises(UserError, match="at most 3 bytes, got 4"):
        read_text(tmp_path / "a.txt")


def test_a_folder_gives_its_texts_by_name_and_says_what_it_refused(tmp_path):
    files = {"b.txt": b"B", "a/z.py": b"Z", "a/empty": b"", "bad.bin": b"\0", "a/latin": b"\xe9"}
    files |= {".hidden": b"H", ".git/config": b"G", "a/.x/y": b"Y"}
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    texts, refused = read_folder(tmp_path)
    assert list(texts.items()) == [("a/empty", ""), ("a/z.py", "Z"), ("b.txt", "B")]
    assert refused == ["a/latin", "bad.bin"]
    assert read_folder(tmp_path, "*.py") == ({"a/z.py": "Z"}, [])
