"""A manifest of Asterisk's prompts: real speech for telephones, 8 kHz, in Debian's packages of core sounds.

    apt-get install asterisk-core-sounds-en asterisk-core-sounds-en-wav      (also es, fr, it, ru)
    python -m kerasrnn.data.asterisk / --out asterisk.csv

Instead of /, the folder may be one in which `dpkg -x` has unpacked both packages. The English prompts are by
Allison Smith, CC BY-SA 3.0; usr/share/doc/asterisk-core-sounds-LANGUAGE/copyright tells of the others.
"""

import argparse
import csv
import gzip
import re
import sys
from pathlib import Path

from kerasrnn.data.speech import normalised
from kerasrnn.data.splits import SPLITS, share
from kerasrnn.errors import UserError
from kerasrnn.files import whole_file

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ASIDE = re.compile(r"\[[^]]*\]|\([^)]*\)|<[^>]*>")  # what the list says about a sound
HELD_OUT = 0.1  # share of the prompts that each of valid and test gets: 551 are few


def prompts(folder: Path, language: str = "en") -> list[tuple[Path, str]]:
    """Each sound file that says something, and what it says.

    Asides in brackets are no speech; of an English prompt's digits, single ones are written as words, and a
    prompt with longer numbers is left out, since the list does not tell how they are read.

    Raises:
        UserError: if one of the two packages is not there.
    """
    name = f"asterisk-core-sounds-{language}"
    lists = sorted((folder / "usr/share/doc" / name).glob("core-sounds-*.txt*"))
    rooms = sorted((folder / "usr/share/asterisk/sounds").glob(f"{language}_*_*"))
    if not lists or not rooms:
        raise UserError(
            f"{folder} must hold Debian's packages {name} and {name}-wav, unpacked; "
            f"got {len(lists)} lists and {len(rooms)} folders of sounds."
        )
    with (gzip.open if lists[0].suffix == ".gz" else open)(
        lists[0], "rt", encoding="utf-8"
    ) as file:
        lines = [line for line in file.read().splitlines() if line and line[0] != ";"]
    found = []
    for line in lines:
        sound, _, said = line.partition(":")
        path = rooms[0] / f"{sound.strip()}.wav"
        said = normalised(
            _spelled(ASIDE.sub(" ", said)) if language == "en" else ASIDE.sub(" ", said)
        )
        if said and path.is_file() and not any(map(str.isdigit, said)):
            found.append((path, said))
    return found


def _spelled(text: str) -> str:
    """Digits that stand alone as words."""
    return re.sub(r"(?<!\d)(?<!\d\.)\d(?!\.?\d)", lambda one: f" {DIGITS[int(one[0])]} ", text)


def split_of(text: str) -> str:
    """A prompt's split by a hash of what is said, so that no sentence is on two sides."""
    train, valid, test = SPLITS
    place = share(text)
    if place < 1 - 2 * HELD_OUT:
        return train
    return valid if place < 1 - HELD_OUT else test


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="/, or where both packages are unpacked")
    parser.add_argument("--language", default="en", choices=("en", "es", "fr", "it", "ru"))
    parser.add_argument("--out", type=Path, default=Path("asterisk.csv"), help="the manifest")
    asked = parser.parse_args()
    try:
        found = prompts(asked.folder, asked.language)
    except UserError as error:
        sys.exit(str(error))
    with (
        whole_file(asked.out) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(("path", "transcript", "split"))
        writer.writerows((path.absolute(), text, split_of(text)) for path, text in found)
    print(f"{len(found):,} prompts in {asked.out}")


if __name__ == "__main__":
    main()
