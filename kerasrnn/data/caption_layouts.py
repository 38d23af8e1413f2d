"""The layouts in which captioned images come, each read as records (key, image file, caption, split or None).

Flickr8k   captions.txt (CSV, header image,caption and, if there is one, split) or
           Flickr8k.token.txt (image.jpg#0<TAB>caption), beside Images/;
           Flickr_8k.{trainImages,devImages,testImages}.txt name the splits
COCO       captions_train2017.json, captions_val2017.json, here or in annotations/,
           beside train2017/ and val2017/
stamps     Tux Paint: *.png, each with a *.txt whose first line is English and whose others are xx.utf8=…
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from kerasrnn.data.text import read_text
from kerasrnn.errors import UserError
from kerasrnn.settings import known

Record = tuple[str, Path, str, str | None]
SPLIT_NAMES = {"train": "train", "valid": "valid", "val": "valid", "dev": "valid", "test": "test"}
SPLIT_NAMES |= {"validation": "valid", "training": "train", "testing": "test"}
TABLES = ("captions.txt", "captions.csv", "Flickr8k.token.txt", "results.csv")
IMAGE_FOLDERS = ("Images", "images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k_images")
# Flickr8k's name, and Flickr30k's
IMAGE_COLUMNS, CAPTION_COLUMNS = ("image", "image_name"), ("caption", "comment")
YEAR = re.compile(r"\d{4}$")  # that a list of COCO's ends with
SPLIT_FILES = {
    "Flickr_8k.trainImages.txt": "train",
    "Flickr_8k.devImages.txt": "valid",
    "Flickr_8k.testImages.txt": "test",
}


def read_records(path: Path, language: str, left_out: Counter) -> Iterator[Record]:
    """The records of a folder in any of the layouts; what they leave out is counted in `left_out`.

    Raises:
        UserError: if it has none of them, or what it has cannot be read.
    """
    if not path.is_dir():
        raise UserError(
            f"Captioned images must be a folder, got {path}; `kerasrnn apps` lists layouts."
        )
    places = (path, path / "Flickr8k_text", path / "annotations")
    tables = [place / name for place in places for name in TABLES if (place / name).is_file()]
    if tables:
        return _flickr(path, tables[0], left_out)
    lists = sorted(chain.from_iterable(place.glob("captions_*.json") for place in places))
    editions = {found[0] for file in lists if (found := YEAR.findall(file.stem))}
    if len(editions) > 1:  # of the same images, dealt out otherwise
        left_out["lists of an older edition"] = len(lists)
        lists = [file for file in lists if file.stem.endswith(max(editions))]
        left_out["lists of an older edition"] -= len(lists)
    if lists:
        return chain.from_iterable(_coco(path, file, left_out) for file in lists)
    return _stamps(path, language, left_out)


def _flickr(path: Path, table: Path, left_out: Counter) -> Iterator[Record]:
    folder = next((path / name for name in IMAGE_FOLDERS if (path / name).is_dir()), path)
    splits = {}
    for name, split in SPLIT_FILES.items():
        for place in (path / name, table.parent / name):
            if place.is_file():
                splits |= dict.fromkeys(read_text(place).split(), split)
    rows = _tokens(table) if table.name.endswith(".token.txt") else _csv(table, left_out)
    for image, caption, split in rows:
        # a source that names its splits leaves the images out that are in none of them
        owner = split or (splits.get(image) if splits else None)
        if splits and owner is None:
            left_out["captions of images in no split"] += 1
            continue
        yield image, folder / image, caption, owner


def _tokens(table: Path) -> Iterator[tuple[str, str, None]]:
    for number, line in enumerate(read_text(table).rstrip("\n").split("\n"), start=1):
        image, tab, caption = line.partition("\t")
        if not tab:
            raise UserError(
                f"Each line of {table} must be image#number<TAB>caption; line {number} is not."
            )
        yield image.rpartition("#")[0] or image, caption, None


def _csv(table: Path, left_out: Counter) -> Iterator[tuple[str, str, str | None]]:
    """A comma between the columns, or what the header has instead."""
    text = read_text(table)
    header = text.partition("\n")[0]
    delimiter = next((mark for mark in (",", "\t", "|", ";") if mark in header), ",")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    names = [name.strip().lower() for name in next(rows, [])]
    image, caption = (
        next((names.index(name) for name in meant if name in names), None)
        for meant in (IMAGE_COLUMNS, CAPTION_COLUMNS)
    )
    if image is None or caption is None:
        raise UserError(
            f"The first line of {table} must name the columns image and caption, got {header[:80]!r}."
        )
    split = names.index("split") if "split" in names else None
    try:
        for row in rows:
            if len(row) != len(names) or not row[image].strip():
                left_out["lines with other columns than the first"] += bool(row)
                continue
            # a quotation mark that nothing closes takes the lines after it
            if swallowed := row[caption].strip().count("\n"):
                left_out["lines after a quotation mark that is not closed"] += swallowed
                continue
            owner = None
            if split is not None:
                name = known(row[split].strip().lower(), SPLIT_NAMES, f"A split in {table}")
                owner = SPLIT_NAMES[name]
            yield row[image].strip(), row[caption], owner
    except csv.Error as error:
        raise UserError(f"{table} must be CSV, but line {rows.line_num} is not: {error}.") from None


def _coco(path: Path, file: Path, left_out: Counter) -> Iterator[Record]:
    part = file.stem.removeprefix("captions_")
    split = next((SPLIT_NAMES[name] for name in SPLIT_NAMES if part.startswith(name)), None)
    folders = (path / part, path / "images" / part, path / "images")
    folder = next((folder for folder in folders if folder.is_dir()), path)
    try:
        values = json.loads(read_text(file))
        images, annotations = values["images"], values["annotations"]
        names = {}
        for image in images:
            if image["id"] in names:
                left_out["images with another's id"] += 1
            else:
                names[image["id"]] = str(image["file_name"])
        pairs = [(note["image_id"], note["caption"]) for note in annotations]
        unread = next((pair for pair in pairs if not _is_note(*pair)), None)
        if unread is not None:
            raise ValueError(f"a note of the image {unread[0]!r} with the caption {unread[1]!r}")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{file} must be COCO's JSON, images with id and file_name, annotations with image_id and "
            f"caption, but is not: {type(error).__name__} {error}."
        ) from None
    for number, caption in pairs:
        if number not in names:
            left_out["captions of images that are not listed"] += 1
            continue
        yield f"{part}/{names[number]}", folder / names[number], caption, split


def _is_note(image_id, caption) -> bool:
    return isinstance(image_id, int | str) and isinstance(caption, str)


def _stamps(path: Path, language: str, left_out: Counter) -> Iterator[Record]:
    spoken, records = Counter(), []
    for text in sorted(path.rglob("*.txt")):
        image = text.with_suffix(".png")
        if not image.is_file():
            left_out["texts without a PNG beside them"] += 1
            continue
        said = _languages(text, left_out)
        spoken.update(said.keys())
        if language in said:
            records.append((image.relative_to(path).as_posix(), image, said[language], None))
        else:
            left_out[f"images without a caption in {language!r}"] += 1
    if not spoken:
        raise UserError(
            f"{path} must hold captioned images: captions.txt and Images/ (Flickr8k), captions_*.json (COCO), "
            "or *.png each with a *.txt (Tux Paint's stamps); it has none of them."
        )
    known(language, spoken, f"The language of the captions in {path}")
    return iter(records)


def _languages(file: Path, left_out: Counter) -> dict[str, str]:
    """{language: caption} of a stamp."""
    try:
        lines = read_text(file).split("\n")
    except UserError:
        left_out["texts that are not UTF-8"] += 1
        return {}
    said = {"en": lines[0].strip()}
    for line in lines[1:]:
        name, mark, caption = line.partition(".utf8=")
        if mark:
            said[name.strip()] = caption.strip()
    return {name: caption for name, caption in said.items() if caption}
