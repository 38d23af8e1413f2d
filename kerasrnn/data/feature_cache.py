"""Arrays that are made once for each file's content and kept on disk: one file, memory-mapped.

    header (4096 bytes: what the rows are)   count   record 0   record 1   …
                                                     [key, 32 bytes | row]

Records are appended; `count` is written when they have reached the disk, so a kill or a power cut at any moment
leaves whole rows, and what lies behind them is written over. One process writes at a time; others wait.
"""

import contextlib
import fcntl
import json
import os
import shutil
from pathlib import Path

import numpy as np

from kerasrnn.errors import UserError
from kerasrnn.files import whole_file
from kerasrnn.notice import tell

HEADER = 4096  # bytes; the last 8 are the count
COUNT = HEADER - 8
MOST_BYTES = 64 * 2**30  # of all caches together
SPARE_BYTES = 2**30  # that are left free on the disk
KEY = 32  # bytes


def cache_folder() -> Path:
    """What KERASRNN_CACHE names, or ~/.cache/kerasrnn (with XDG_CACHE_HOME instead of ~/.cache)."""
    named = os.environ.get("KERASRNN_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kerasrnn"


class FeatureCache:
    """Rows of one shape by key, in a file.

    Args:
        path: the file; it is made if it is not there.
        shape, dtype: of a row.
    Raises:
        UserError: if the file holds something else, or cannot be made.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str):
        self.path = path
        self.record = np.dtype([("key", f"V{KEY}"), ("row", dtype, shape)])
        head = json.dumps({"kerasrnn": 1, "shape": shape, "dtype": np.dtype(dtype).str}).encode()
        try:
            if not path.exists():
                with whole_file(path) as temporary:
                    temporary.write_bytes(head.ljust(HEADER, b"\0"))
            with open(path, "rb") as file:
                found = file.read(HEADER)
            os.utime(path)  # the last that is used is the last to go
        except OSError as error:
            raise UserError(f"Features cannot be kept in {path}: {error.strerror}.") from None
        if len(found) < HEADER or found[:COUNT].rstrip(b"\0") != head:
            raise UserError(f"{path} must be a cache of features, but is not; delete it.")

    @property
    def count(self) -> int:
        """Rows that are whole."""
        with open(self.path, "rb") as file:
            return _count(file)

    def map(self) -> np.ndarray:
        """The records, (count,), as they lie on disk: "key" and "row".

        Raises:
            UserError: if the file ends before the last of them.
        """
        count = self.count
        if not count:
            return np.empty(0, self.record)
        if self.path.stat().st_size < HEADER + count * self.record.itemsize:
            raise UserError(f"{self.path} must hold {count:,} rows, but is cut short; delete it.")
        return np.memmap(self.path, self.record, "r", HEADER, (count,))

    def places(self) -> dict[bytes, int]:
        """The row's number for each key."""
        return {key.tobytes(): place for place, key in enumerate(self.map()["key"])}

    @contextlib.contextmanager
    def writing(self):
        """() -> append(keys, rows), while no other process writes."""
        with open(self.path, "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell(f"Another process is writing {self.path}; waiting until it is done.")
                fcntl.flock(file, fcntl.LOCK_EX)

            def append(keys: list[bytes], rows: np.ndarray) -> None:
                records = np.empty(len(keys), self.record)
                records["key"] = np.frombuffer(b"".join(keys), f"V{KEY}")
                records["row"] = rows
                count = _count(file)
                try:
                    file.seek(HEADER + count * self.record.itemsize)
                    file.write(records.tobytes())
                    file.flush()
                    os.fsync(file.fileno())
                    os.pwrite(file.fileno(), (count + len(keys)).to_bytes(8, "little"), COUNT)
                except OSError as error:
                    raise UserError(
                        f"Features cannot be kept in {self.path}: {error.strerror}."
                    ) from None

            yield append

    def make_room(self, rows: int) -> None:
        """Delete the caches that were used longest ago, so far as `rows` more need their place.

        Raises:
            UserError: if they do not fit.
        """
        what = f"The features of {rows:,} images"
        remedy = "set features=vector or images=N, or"
        require_room(self.path, rows * self.record.itemsize, what, remedy)


def require_room(path: Path, need: int, what: str, remedy: str = "set") -> None:
    """Delete the caches beside `path` that were used longest ago, so far as `need` bytes more want their place.

    Args:
        what: for the complaint: what needs the room; and the `remedy`.
    Raises:
        UserError: if they do not fit.
    """
    others = {other: told for other in path.parent.glob("*.rows") if (told := _told(other))}
    others.pop(path, None)
    oldest = sorted(others, key=lambda other: others[other].st_mtime)
    while True:
        used = sum(told.st_size for part in (path, *others) if (told := _told(part)))
        free = shutil.disk_usage(path.parent).free - SPARE_BYTES
        if need <= min(free, MOST_BYTES - used):
            return
        if not oldest:
            break
        _delete(oldest.pop(0))
    room = max(min(free, MOST_BYTES - used), 0)
    raise UserError(
        f"{what} need {need / 2**30:.1f} GiB, but {path.parent} has room for {room / 2**30:.1f}; "
        f"{remedy} KERASRNN_CACHE to a larger disk."
    )


def _count(file) -> int:
    return int.from_bytes(os.pread(file.fileno(), 8, COUNT), "little")


def _told(path: Path) -> os.stat_result | None:
    """What the file system says of a file; None if another process has deleted it."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _delete(path: Path) -> None:
    """A cache, unless another process is writing it, or has deleted it."""
    with contextlib.suppress(FileNotFoundError, BlockingIOError), open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
