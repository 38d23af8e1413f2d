"""Captioned images in the layouts in which they come, and what is wrong with them."""

import json
from pathlib import Path

import pytest

from kerasrnn.data.captions import open_captions
from kerasrnn.errors import UserError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image")


def flickr(folder: Path, lines: str, images=("a.jpg", "b.jpg")) -> Path:
    touch(folder, *(f"Images/{name}" for name in images))
    (folder / "captions.txt").write_text(lines, "utf-8")
    return folder


def said(source, split="all") -> dict:
    return {example.key: example.captions for example in source.splits[split]}


def test_flickr_captions_are_gathered_by_image_and_quotes_are_csv_s(tmp_path):
    lines = 'image,caption\na.jpg,"A dog , a ""big"" one ."\nb.jpg,Un chat été\na.jpg,A dog .\n'
    source = open_captions(flickr(tmp_path, lines), "en", 0)
    assert said(source) == {
        "a.jpg": ('A dog , a "big" one .', "A dog ."),
        "b.jpg": ("Un chat été",),
    }
    assert source.splits["all"][0].image == tmp_path / "Images" / "a.jpg"


def test_a_hash_of_the_name_deals_the_images_out_and_each_lands_on_one_side(tmp_path):
    names = [f"{n}.jpg" for n in range(300)]
    lines = "image,caption\n" + "".join(f"{n},dog {n}\n" for n in names)
    splits = open_captions(flickr(tmp_path, lines, names), "en", 0).splits
    parts = [{e.key for e in splits[split]} for split in ("train", "valid", "test")]
    assert sorted(set.union(*parts)) == sorted(names)
    assert sum(map(len, parts)) == 300
    assert len(parts[0]) > 240
    fewer = open_captions(tmp_path, "en", 100).splits
    assert len(fewer["all"]) == 100
    for split, part in zip(("train", "valid", "test"), parts, strict=True):
        assert {e.key for e in fewer[split]} <= part


def test_a_split_column_or_flickr_s_own_lists_decide_instead(tmp_path, capsys):
    lines = "image,caption,split\na.jpg,x,train\nb.jpg,y,val\nc.jpg,z,test\n"
    source = open_captions(flickr(tmp_path / "1", lines, ("a.jpg", "b.jpg", "c.jpg")), "en", 0)
    assert [list(said(source, s)) for s in ("train", "valid", "test")] == [
        ["a.jpg"],
        ["b.jpg"],
        ["c.jpg"],
    ]
    folder = tmp_path / "2"
    touch(folder, *(f"Flicker8k_Dataset/{n}.jpg" for n in "abcd"))
    text = "".join(f"{n}.jpg#{k}\tsentence {k}\n" for n in "abcd" for k in range(2))
    (folder / "Flickr8k.token.txt").write_text(text)
    for part, name in (("train", "b"), ("dev", "c"), ("test", "a")):
        (folder / f"Flickr_8k.{part}Images.txt").write_text(f"{name}.jpg\n")
    source = open_captions(folder, "en", 0)
    assert said(source, "train") == {"b.jpg": ("sentence 0", "sentence 1")}
    assert list(said(source, "test")) == ["a.jpg"]
    assert "2 captions of images in no split" in capsys.readouterr().err


def test_what_a_source_holds_back_is_never_learned(tmp_path, capsys):
    def splits(number, **counts):
        names = [f"{split}{k}.jpg" for split, count in counts.items() for k in range(count)]
        folder = tmp_path / str(number)
        touch(folder, *(f"Images/{name}" for name in names))
        rows = [f"{name},a dog,{name.rstrip('.0123456789jpg')}" for name in names]
        (folder / "captions.txt").write_text("\n".join(["image,caption,split", *rows]) + "\n")
        source = open_captions(folder, "en", 0)
        return {split: set(said(source, split)) for split in ("train", "valid", "test")}

    found = splits(0, train=300, test=100)
    assert all(name.startswith("test") for name in found["test"])
    assert len(found["test"]) == 100
    assert 0 < len(found["valid"]) < 40
    assert len(found["train"] | found["valid"]) == 300
    assert not found["train"] & found["valid"]
    found = splits(1, train=300)
    assert all(found.values())
    assert sum(map(len, found.values())) == len(set.union(*found.values())) == 300
    assert [len(part) for part in splits(3, test=3).values()] == [0, 0, 3]  # to judge on alone
    found = splits(2, train=2, test=2)
    assert found["valid"] == found["train"]
    assert not found["train"] & found["test"]
    assert "has no images for valid" in capsys.readouterr().err


def test_of_two_editions_of_coco_the_newer_is_read(tmp_path, capsys):
    for part, name in (("train2014", "t"), ("val2014", "v"), ("train2017", "v"), ("val2017", "t")):
        touch(tmp_path, f"{part}/{name}.jpg")
        listed = {"images": [{"id": 1, "file_name": f"{name}.jpg"}]}
        listed["annotations"] = [{"image_id": 1, "caption": f"{name} of {part}"}]
        (tmp_path / f"captions_{part}.json").write_text(json.dumps(listed))
    source = open_captions(tmp_path, "en", 0)
    assert said(source, "train") == {"train2017/v.jpg": ("v of train2017",)}
    assert set(said(source)) == {"train2017/v.jpg", "val2017/t.jpg"}
    assert "2 lists of an older edition" in capsys.readouterr().err


def test_flickr30ks_table_is_read_and_an_open_quotation_mark_takes_no_lines_unseen(
    tmp_path, capsys
):
    lines = "image_name| comment_number| comment\na.jpg| 0| a dog\nb.jpg| 0| two\u2028dogs\n"
    assert said(open_captions(flickr(tmp_path / "30k", lines), "en", 0)) == {
        "a.jpg": ("a dog",), "b.jpg": ("two\u2028dogs",),
    }  # fmt: skip
    lines = 'image,caption\na.jpg,"a dog\nb.jpg,a cat\nc.jpg,a ""cow\nb.jpg,"end"\na.jpg,a dog\n'
    assert said(open_captions(flickr(tmp_path / "quote", lines), "en", 0)) == {"a.jpg": ("a dog",)}
    assert "not closed" in capsys.readouterr().err


def test_what_cannot_be_used_is_left_out_and_told_once_with_its_count(tmp_path, capsys):
    lines = "image,caption\na.jpg,dog\na.jpg,...\na.jpg,\nc.jpg,gone\n../../x.jpg,out\n/etc/passwd,out\nonly\n"
    source = open_captions(flickr(tmp_path, lines), "en", 0)
    assert said(source) == {"a.jpg": ("dog",)}
    told = capsys.readouterr().err
    assert "2 captions without a word" in told
    assert "3 images that are not there" in told
    assert "1 lines with other columns than the first" in told
    assert "too small to hold a part back" in told


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("", "must name the columns image and caption"),
        ("file,text\na.jpg,dog\n", "must name the columns image and caption"),
        ("image,caption\n", "must hold an image with a caption"),
        ("image,caption\nz.jpg,dog\n", "none that can be used .1 images that are not there"),
        ("image,caption,split\na.jpg,dog,moon\n", "must be one of .* got 'moon'"),
        ('image,caption\na.jpg,"' + "x" * 200_000 + '"\n', "must be CSV, but line 2 is not"),
    ],
)
def test_a_bad_table_is_refused_in_one_sentence(tmp_path, lines, sentence):
    with pytest.raises(UserError, match=sentence) as refusal:
        open_captions(flickr(tmp_path, lines), "en", 0)
    assert "\n" not in str(refusal.value)


def test_a_table_that_is_not_utf8_and_a_path_that_is_no_folder_are_refused(tmp_path):
    flickr(tmp_path, "")
    (tmp_path / "captions.txt").write_bytes(b"image,caption\na.jpg,caf\xe9\n")
    with pytest.raises(UserError, match="must be UTF-8"):
        open_captions(tmp_path, "en", 0)
    with pytest.raises(UserError, match="must be a folder"):
        open_captions(tmp_path / "nowhere", "en", 0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"captions\.txt and Images/"):
        open_captions(tmp_path / "empty", "en", 0)


def coco(folder: Path, part: str, images, notes) -> None:
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    touch(folder, *(f"{part}/{image['file_name']}" for image in images))
    values = {"images": images, "annotations": notes}
    (folder / "annotations" / f"captions_{part}.json").write_text(json.dumps(values))


def test_coco_s_train_and_val_are_the_splits_and_val_is_halved_for_a_test(tmp_path, capsys):
    images = [{"id": n, "file_name": f"{n}.jpg"} for n in range(40)]
    notes = [{"image_id": n, "caption": f"dog {n} {k}"} for n in range(40) for k in range(2)]
    notes.append({"image_id": 99, "caption": "nowhere"})
    coco(tmp_path, "train2017", images, notes)
    coco(tmp_path, "val2017", images, notes[:80])
    source = open_captions(tmp_path, "en", 0)
    assert len(source.splits["train"]) == 40
    assert said(source, "train")["train2017/3.jpg"] == ("dog 3 0", "dog 3 1")
    halves = [set(said(source, split)) for split in ("valid", "test")]
    assert len(halves[0] | halves[1]) == 40
    assert not halves[0] & halves[1]
    assert min(map(len, halves)) > 10
    assert "1 captions of images that are not listed" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[]", "{", '{"images": [1], "annotations": []}', "[" * 99_999])
def test_json_that_is_not_coco_s_is_refused(tmp_path, text):
    (tmp_path / "captions_train2017.json").write_text(text)
    with pytest.raises(UserError, match="must be COCO's JSON"):
        open_captions(tmp_path, "en", 0)


def test_a_stamp_s_first_line_is_english_and_the_others_are_by_language(tmp_path, capsys):
    touch(tmp_path, "animals/cat.png", "dog.png", "odd.png")
    (tmp_path / "animals" / "cat.txt").write_text("A cat.\nfr.utf8=Un chat.\nde.utf8=\n")
    (tmp_path / "dog.txt").write_text("A dog.\nde.utf8=Ein Hund.\nfr.utf8=Un chien.\n")
    (tmp_path / "only_svg.txt").write_text("A line.\n")
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe")
    assert said(open_captions(tmp_path, "en", 0)) == {
        "animals/cat.png": ("A cat.",),
        "dog.png": ("A dog.",),
    }
    assert said(open_captions(tmp_path, "fr", 0))["dog.png"] == ("Un chien.",)
    assert list(said(open_captions(tmp_path, "de", 0))) == ["dog.png"]
    told = capsys.readouterr().err
    assert "1 texts without a PNG" in told
    assert "1 texts that are not UTF-8" in told
    assert "2 images without a caption in 'de'" in told
    with pytest.raises(UserError, match="must be one of de, en, fr; got 'it'"):
        open_captions(tmp_path, "it", 0)


def test_a_folder_may_be_named_from_its_parent(tmp_path):
    (tmp_path / "here").mkdir()
    flickr(tmp_path / "f8", "image,caption\na.jpg,a red thing\n")
    source = open_captions(tmp_path / "here" / ".." / "f8", "en", 0)
    assert said(source) == {"a.jpg": ("a red thing",)}


@pytest.mark.parametrize(
    "note", [{"image_id": [0], "caption": "a b"}, {"image_id": 0, "caption": None}], ids=str
)
def test_a_coco_note_of_other_types_is_refused(tmp_path, note):
    touch(tmp_path, "train2017/0.png")
    listed = {"images": [{"id": 0, "file_name": "0.png"}], "annotations": [note]}
    (tmp_path / "captions_train2017.json").write_text(json.dumps(listed))
    with pytest.raises(UserError, match="COCO"):
        open_captions(tmp_path, "en", 0)
