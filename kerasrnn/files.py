"""Files that are written whole or not at all, and small ones that are read."""

import contextlib
import json
import os
import shutil
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from kerasrnn.errors import UserError

PART = ".part-"  # begins the name of what is not whole yet
# what reading a damaged ZIP file of arrays or of a network raises
DAMAGES = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError)
DAMAGES += (zipfile.BadZipFile, zlib.error, tokenize.TokenError)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its name when the block ends well.

    The bytes reach the disk before the name changes, so that a kill or a power cut leaves either the old
    file or the new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f"{PART}{path.stem}-", suffix=path.suffix, dir=path.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, "utf-8")


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`, which takes its name when the block ends well.

    Raises:
        FileExistsError: if `path` is there when the block ends.
    """
    path = Path(path)
    made = [parent for parent in path.absolute().parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{PART}{path.name}-", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o755)
        if path.exists():
            raise FileExistsError(path)
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: all went well, or others write here too
            for parent in made:
                parent.rmdir()


def holds_something(folder: Path) -> bool:
    """Whether there is more in `folder` than parts that a killed process left."""
    return any(not path.name.startswith(PART) for path in folder.iterdir())


def clear_parts(folder: Path) -> None:
    """Remove what a killed process left below `folder`."""
    for path in list(folder.rglob(f"{PART}*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def read_text(path: Path, most: int) -> str:
    """A regular file's text, UTF-8 with or without a byte order mark.

    Raises:
        OSError: if it cannot be read, is no regular file (a pipe or device may never end), or is larger
            than `most` bytes.
        ValueError: if it is not UTF-8.
    """
    if path.exists() and not path.is_file():
        raise OSError("it is not a regular file")
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(f"it is larger than {most:,} bytes")
    return data.decode("utf-8-sig")


def read_json(path: Path, most: int = 2**26):
    """What a JSON file holds.

    Raises:
        OSError, ValueError: as `read_text`; ValueError also if it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(read_text(path, most))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def require_place(path: Path) -> None:
    """Refuse a path at which no folder can be made.

    Raises:
        UserError: if the nearest thing above it is a file, or a folder that cannot be written to.
    """
    nearest = next(place for place in (path, *path.absolute().parents) if os.path.exists(place))
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UserError(f"{path} cannot be made: {nearest} is not a folder that can be written to.")
