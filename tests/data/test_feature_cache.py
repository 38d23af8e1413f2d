"""Rows that are kept on disk: whole ones only, whatever happens to the process that writes them."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from kerasrnn.data import feature_cache
from kerasrnn.data.feature_cache import HEADER, FeatureCache
from kerasrnn.errors import UserError

SHAPE = (7, 3)
WRITER = """
import sys
from pathlib import Path
import numpy as np
from kerasrnn.data.feature_cache import FeatureCache
cache = FeatureCache(Path(sys.argv[1]), (7, 3), "float32")
with cache.writing() as append:
    for first in range(cache.count, 10**6, 3):
        numbers = range(first, first + 3)
        rows = np.stack([np.full((7, 3), n, np.float32) for n in numbers])
        append([n.to_bytes(32, "big") for n in numbers], rows)
"""


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def add(cache: FeatureCache, numbers) -> None:
    with cache.writing() as append:
        rows = np.stack([np.full(SHAPE, n, np.float32) for n in numbers])
        append([key(n) for n in numbers], rows)


def test_rows_are_found_by_their_keys_by_whoever_opens_the_file(tmp_path):
    cache = FeatureCache(tmp_path / "a.rows", SHAPE, "float32")
    assert cache.places() == {}
    add(cache, [5, 2])
    add(cache, [9])
    again = FeatureCache(tmp_path / "a.rows", SHAPE, "float32")
    places = again.places()
    assert set(places) == {key(5), key(2), key(9)}
    for number in (5, 2, 9):
        assert (again.map()["row"][places[key(number)]] == number).all()


def test_a_process_killed_at_any_moment_leaves_whole_rows_and_another_goes_on(tmp_path):
    path, counts = tmp_path / "a.rows", [0]
    for wait in (0.02, 0.05, 0.11):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        deadline = time.monotonic() + 60
        while not path.exists() or FeatureCache(path, SHAPE, "float32").count <= counts[-1]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        cache = FeatureCache(path, SHAPE, "float32")
        counts.append(cache.count)
        assert counts[-1] > counts[-2]
        for number, record in enumerate(cache.map()):
            assert record["key"].tobytes() == key(number)
            assert (record["row"] == number).all()


def test_what_lies_behind_the_last_whole_row_is_written_over(tmp_path):
    cache = FeatureCache(tmp_path / "a.rows", SHAPE, "float32")
    add(cache, [1])
    with open(cache.path, "ab") as file:
        file.write(b"\xff" * 1000)  # as a kill between the rows and their count leaves it
    assert list(cache.places()) == [key(1)]
    add(cache, [2])
    assert (cache.map()["row"][1] == 2).all()
    assert list(cache.places()) == [key(1), key(2)]


def test_a_file_of_other_rows_or_none_at_all_is_refused(tmp_path):
    FeatureCache(tmp_path / "a.rows", SHAPE, "float32")
    with pytest.raises(UserError, match="delete it"):
        FeatureCache(tmp_path / "a.rows", (7, 4), "float32")
    (tmp_path / "b.rows").write_bytes(b"\0" * HEADER)
    with pytest.raises(UserError, match="must be a cache of features"):
        FeatureCache(tmp_path / "b.rows", SHAPE, "float32")


def test_the_cache_used_longest_ago_makes_room_and_what_never_fits_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(feature_cache, "MOST_BYTES", 3 * HEADER + 500)
    caches = [FeatureCache(tmp_path / f"{name}.rows", SHAPE, "float32") for name in "abc"]
    os.utime(caches[1].path, (1, 1))
    caches[2].make_room(10)  # 1160 bytes
    assert [cache.path.exists() for cache in caches] == [True, False, True]
    with pytest.raises(UserError, match=r"need .* GiB, but .* has room"):
        caches[2].make_room(1000)


def test_a_cache_that_is_being_written_makes_no_room(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_cache, "MOST_BYTES", 2 * HEADER + 500)
    busy, other = (FeatureCache(tmp_path / f"{name}.rows", SHAPE, "float32") for name in "ab")
    with busy.writing() as append:
        with pytest.raises(UserError, match="has room"):
            other.make_room(10)
        append([key(1)], np.ones((1, *SHAPE), np.float32))
    assert key(1) in busy.places()
    other.make_room(10)
    assert not busy.path.exists()


def test_a_cache_that_is_cut_short_says_so(tmp_path):
    cache = FeatureCache(tmp_path / "a.rows", SHAPE, "float32")
    add(cache, range(5))
    os.truncate(cache.path, cache.path.stat().st_size - 1)
    with pytest.raises(UserError, match="must hold 5 rows, but is cut short"):
        cache.places()
