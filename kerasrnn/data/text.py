"""Text files become strings: UTF-8, any alphabet, decoded defensively."""

import os
import re
import stat
from pathlib import Path

from kerasrnn.errors import UserError

LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # what Python makes of a byte that is not UTF-8
MAX_FILE_BYTES = 2**30  # 1 GiB: a text is held in memory while it trains


def _decode(data: bytes, path: Path) -> str:
    """`data` as text; raises UserError naming what is not UTF-8."""
    if b"\0" in data[: 2**20]:
        raise UserError(
            f"A text file must be UTF-8, but {path} holds NUL bytes: it is a binary file."
        )
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UserError(
            f"A text file must be UTF-8, but {path} is not at byte {error.start}; convert it, "
            "for example with iconv -t utf-8."
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(path: str | os.PathLike) -> str:
    """One UTF-8 file as a string with "\\n" line ends and no byte-order mark.

    Raises:
        UserError: if the file is missing, not a regular file, unreadable, over 1 GiB, or not UTF-8.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"A text must be a regular file, got {path}.")
        if status.st_size > MAX_FILE_BYTES:
            raise UserError(
                f"A text file must be at most {MAX_FILE_BYTES:,} bytes, got {status.st_size:,} in "
                f"{path}; split it into a folder of files."
            )
        return _decode(path.read_bytes(), path)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from None
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"Cannot read {str(path)!r}: {error}.") from None


def read_folder(folder: Path, pattern: str = "*") -> tuple[dict[str, str], list[str]]:
    """Every UTF-8 file below `folder`, hidden ones left out.

    Returns:
        ({name relative to the folder: text}, in order of name; names that are not UTF-8 text).
    """
    texts, refused = {}, []
    for path in sorted(folder.rglob(pattern)):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in name.split("/")) or not path.is_file():
            continue
        try:
            texts[name] = read_text(path)
        except UserError:
            refused.append(name)
    return texts, refused


def utf8(text: str) -> bytes:
    """`text` for a graph; what was no UTF-8 when Python read it becomes U+FFFD."""
    return LONE_SURROGATE.sub("\ufffd", text).encode()
