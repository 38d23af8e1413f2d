"""Where speech comes from: every layout is read, what is missing told at once, no sentence is on two sides."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from kerasrnn.data import asterisk, sounds
from kerasrnn.data.speech import dealt_out, normalised, recordings
from kerasrnn.errors import UserError


def write(path, samples=800, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.linspace(-0.5, 0.5, samples), rate)


def found(path, label="auto"):
    return [(one.key, one.text, one.split) for one in recordings(path, label)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'wav_filename,x,transcript\nw/0.wav,1,"Yes, no"\nw/1.wav,2,No\n'),
        ("a.tsv", "client\tpath\tsentence\ne\tw/0.wav\tYes, no\nf\tw/1.wav\tNo\n"),
        ("a.csv", '\ufeffPath,TEXT\nw/0.wav,"Yes, no"\nw/1.wav,No\n'),
    ],
)
def test_a_manifest_names_its_columns(tmp_path, name, text):
    for number in range(2):
        write(tmp_path / "w" / f"{number}.wav")
    (tmp_path / name).write_text(text, "utf-8")
    assert found(tmp_path / name) == [("w/0.wav", "Yes, no", None), ("w/1.wav", "No", None)]
    assert found(tmp_path) == found(tmp_path / name)


def test_librispeech_common_voice_and_names_of_files_are_read(tmp_path):
    for part, said in (("train-clean", "ONE TWO"), ("dev-other", "THREE")):
        chapter = tmp_path / "libri" / "my-books" / part / "8" / "1"
        write(chapter / "8-1-0.flac")
        (chapter / "8-1.trans.txt").write_text(f"8-1-0 {said}\n")
    assert [(text, split) for _, text, split in found(tmp_path / "libri")] == [
        ("THREE", "valid"), ("ONE TWO", "train"),
    ]  # fmt: skip
    for name in ("train", "dev", "test"):
        write(tmp_path / "voice" / "clips" / f"{name}.wav")
        row = f'client_id\tpath\tsentence\nx\t{name}.wav\tSay "{name}\n'
        (tmp_path / "voice" / f"{name}.tsv").write_text(row)
    assert found(tmp_path / "voice") == [
        (f"{name}.wav", f'Say "{name}', split)
        for name, split in (("train", "train"), ("dev", "valid"), ("test", "test"))
    ]
    (tmp_path / "voice" / "clips").rename(tmp_path / "voice" / "wavs")  # lists of their own making
    for name in ("train", "dev", "test"):
        row = f"path\ttext\nwavs/{name}.wav\t{name}\n"
        (tmp_path / "voice" / f"{name}.tsv").write_text(row)
    assert sorted(split for *_, split in found(tmp_path / "voice")) == ["test", "train", "valid"]
    write(tmp_path / "stems" / "anna" / "7_anna_12.wav")
    assert found(tmp_path / "stems", "stem") == [("anna/7_anna_12.wav", "7", None)]


def test_all_missing_files_are_told_at_once(tmp_path):
    lines = [f"{number}.wav,x" for number in range(1025)]
    (tmp_path / "m.csv").write_text("\n".join(["path,text", *lines]) + "\n")
    write(tmp_path / "3.wav")
    with pytest.raises(UserError, match=r"^1,024 recordings .*/0\.wav.*/1000\.wav and 24 more\.$"):
        recordings(tmp_path / "m.csv")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,words\na,b\n", "a column path or wav_filename"),
        ("path,text\n", "must hold a recording"),
        ("path,text\n,b\n", "row 2 has not"),
        ("path,text,split\na,b,train\na,b,evl\n", "row 3 of .* has 'evl'"),
        ("path,text\n" + "x" * 2_000_000, "cannot be read as a manifest"),
        (b"path,text\n\xff\xfe,b\n", "cannot be read as a manifest"),
    ],
)
def test_a_damaged_manifest_is_told_in_one_sentence(tmp_path, text, says):
    (tmp_path / "m.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=says):
        recordings(tmp_path / "m.csv")


def test_transcripts_are_what_can_be_heard():
    assert (
        normalised("  Don\u2019t STOP\u2014\u201cE\u0301te\u0301\u201d,  no. 7! ")
        == "don't stop été no 7"
    )
    assert normalised("a-b.c", "-") == "a-b c"


def test_a_source_keeps_its_splits_and_a_hash_fills_what_it_lacks(tmp_path):
    rows = [{"path": f"{n}.wav", "text": f"t{n % 40}", "split": ""} for n in range(400)]
    for row in rows:
        write(tmp_path / row["path"], 1)

    def sides(splits, by="file"):
        with open(tmp_path / "m.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, ["path", "text", "split"])
            writer.writeheader()
            writer.writerows(
                {**row, "split": split} for row, split in zip(rows, splits, strict=True)
            )
        return dealt_out(recordings(tmp_path / "m.csv"), by)

    by_file = sides([""] * 400)
    assert 340 < len(by_file["train"]) < 380
    assert all(len(by_file[name]) > 5 for name in ("valid", "test"))
    texts = [{one.text for one in side} for side in sides([""] * 400, "transcript").values()]
    assert not texts[0] & (texts[1] | texts[2])
    assert all(texts)
    assert [len(side) for side in sides(["test"] * 400).values()] == [0, 0, 400]
    rest = sides((["", "", "test", "dev"]) * 100)
    assert [len(side) for side in rest.values()] == [200, 100, 100]
    own = sides((["train"] * 19 + ["test"]) * 20)
    assert len(own["test"]) == 20
    assert 0 < len(own["valid"]) < 50
    assert len(own["train"]) + len(own["valid"]) == 380


def test_bad_files_are_listed_and_long_ones_left_out(tmp_path, capsys):
    write(tmp_path / "good.wav")
    write(tmp_path / "long.wav", 8000 * 3)
    write(tmp_path / "empty.wav", 0)
    (tmp_path / "text.wav").write_text("RIFF, but no sound")
    whole = (tmp_path / "good.wav").read_bytes()
    (tmp_path / "header.wav").write_bytes(whole[:22] + b"\xff\xff" + whole[24:])
    paths = [tmp_path / f"{name}.wav" for name in ("good", "empty", "text", "header", "long")]
    with pytest.raises(UserError, match=r"^3 of 5 recordings cannot be used .*holds no samples"):
        sounds.readable(paths, 2.0)
    assert sounds.readable(paths, 2.0, skip=True) == [0]
    said = capsys.readouterr().err
    assert "3 recordings cannot be used" in said
    assert "1 recordings last more than longest=2 s" in said
    with pytest.raises(UserError, match=r"one that can be used and lasts at most longest=2 s"):
        sounds.readable(paths[1:], 2.0, skip=True)


def test_all_files_that_cannot_be_decoded_are_told_at_once(tmp_path):
    for name in ("a", "b"):
        sound = np.full(800, np.nan)
        soundfile.write(tmp_path / f"{name}.wav", sound, 8000, subtype="FLOAT")
    write(tmp_path / "good.wav")
    paths = [tmp_path / f"{name}.wav" for name in ("a", "good", "b")]
    with pytest.raises(UserError, match=r"^2 of 3 recordings cannot be used .*a.wav's .*b.wav's"):
        sounds.decoded(paths, 8000)


def test_a_large_corpus_is_decoded_once_into_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASRNN_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.wav" for number in range(5)]
    for path in paths:
        soundfile.write(path, rng.uniform(-1, 1, rng.integers(1, 999)), 8000)
    held = sounds.decoded(paths, 8000)
    for _ in range(2):
        mapped = sounds.decoded(paths, 8000, held=10)
        assert isinstance(mapped.samples, np.memmap)
        np.testing.assert_array_equal(mapped.samples, held.samples)
        np.testing.assert_array_equal(mapped.lengths, held.lengths)
    assert capsys.readouterr().err.count("Decoding 5 recordings") == 1
    (kept,) = (tmp_path / "cache" / "speech").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(UserError, match="must be a cache of speech"):
        sounds.decoded(paths, 8000, held=10)
    soundfile.write(paths[0], np.zeros(50), 16000)  # another file: another cache
    assert sounds.decoded(paths, 8000, held=10).lengths[0] == 25


def test_rows_are_read_with_silence_behind_them(tmp_path):
    import tensorflow as tf

    clips = [np.full(n, 0.5, np.float32) for n in (3, 5, 2)]
    held = sounds.Sounds.of(clips)
    read = tf.function(held.reader())
    rows = read(tf.constant([2, 1], tf.int64), tf.constant(6, tf.int64)).numpy()
    half = round(0.5 * 32767)
    assert rows.tolist() == [[half] * 2 + [0] * 4, [half] * 5 + [0]]
    np.testing.assert_allclose(held[1], clips[1], atol=1e-4)


def test_asterisks_prompts_make_a_manifest(tmp_path):
    folder = tmp_path / "usr/share"
    room = folder / "asterisk/sounds/en_US_f_Someone"
    said = {
        "hello": "Hello. (a beep) There!", "beep": "[a beep]", "press": "Press 1, or 9.",
        "dial": "Dial 500.", "digits/1": "one", "gone": "Gone.", "audio": "3D audio <beep>",
    }  # fmt: skip
    for name in said:
        if name != "gone":
            write(room / f"{name}.wav")
    place = folder / "doc/asterisk-core-sounds-en"
    place.mkdir(parents=True)
    lines = [f"{name}: {text}" for name, text in said.items()]
    (place / "core-sounds-en.txt").write_text("\n".join(["; a list", "", *lines]))
    texts = {path.stem: text for path, text in asterisk.prompts(tmp_path)}
    assert texts == {
        "hello": "hello there", "press": "press one or nine", "1": "one", "audio": "three d audio",
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "kerasrnn.data.asterisk",
        tmp_path,
        "--out",
        tmp_path / "m.csv",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("4 prompts in ")
    assert sorted(one.text for one in recordings(tmp_path / "m.csv")) == sorted(texts.values())
    with pytest.raises(UserError, match="must hold Debian's packages"):
        asterisk.prompts(tmp_path / "usr")
