"""Captions as numbers, and batches that are a pure function of their number."""

import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasrnn.apps.captioner import data
from kerasrnn.apps.captioner.config import PRESETS
from kerasrnn.data.captions import Example, Source
from kerasrnn.data.images import read_image
from kerasrnn.errors import UserError

TINY = dataclasses.replace(PRESETS["tiny"], images=20, batch_size=8)


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASRNN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def source():
    return data.open_source(None, TINY)


def small_source(*captions) -> Source:
    image = np.zeros((32, 32, 3), np.uint8)
    examples = tuple(Example(str(n), image, said) for n, said in enumerate(captions))
    return Source("a test", dict.fromkeys(("train", "valid", "test", "all"), examples))


def test_the_vocabulary_runs_from_the_commonest_word_on_and_knows_no_case_or_punctuation():
    source = small_source(("A dog, a CAT.", "a Dog!"), ("Ｃafé l'été: a cat-fish",))
    assets = data.prepare(source, TINY)
    words = (*data.SPECIAL, "a", "dog", "cat", "café", "l'été", "cat-fish")
    assert assets.vocabulary == words
    assert assets.length == 4
    fewer = data.prepare(source, dataclasses.replace(TINY, min_count=2, max_words=3))
    assert fewer.vocabulary == words[:6]
    assert fewer.length == 3
    few = data.prepare(source, dataclasses.replace(TINY, max_vocabulary=5))
    assert few.vocabulary == words[:5]
    with pytest.raises(UserError, match="must hold a word 9 times"):
        data.prepare(source, dataclasses.replace(TINY, min_count=9))


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("हिन्दी में पेंग्विन।", "हिन्दी में पेंग्विन"),
        ("猫が3匹いる。", "猫 が 3 匹 い る"),
        ("นก1ตัว", "น ก 1 ตั ว"),
        ("שָׁלוֹם, עוֹלָם", "שָׁלוֹם עוֹלָם"),
        ("Straße STRASSE ΣΊΣΥΦΟΣ", "strasse strasse σίσυφοσ"),
        ("'tis--rock-'n'-roll-\x00...", "tis rock n roll"),
        ("…!?", ""),
    ],
)
def test_words_are_found_in_any_script(sentence, words):
    assert data.references([Example("", None, (sentence,))]) == [[words]]


def test_a_caption_opens_with_start_ends_with_end_and_a_cut_one_does_not():
    assets = data.Assets((*data.SPECIAL, "a", "dog"), 2)
    rows = assets.encode(["a dog", "dog", "a dog a dog", "", "fish"])
    assert rows.tolist() == [
        [1, 4, 5, 2],
        [1, 5, 2, 0],
        [1, 4, 5, 4],
        [1, 2, 0, 0],
        [1, 3, 2, 0],
    ]
    spelt = assets.spell(tf.constant([[[4, 5, 2, 4], [1, 5, 2, 0]], [[2, 4, 4, 4], [4, 3, 5, 5]]]))
    assert spelt.numpy().tolist() == [[b"a dog", b"dog"], [b"", b"a <unk> dog dog"]]


def test_assets_come_back_from_their_file(tmp_path):
    assets = data.Assets((*data.SPECIAL, "é", "<b"), 7)
    assets.save(tmp_path)
    assert data.Assets.load(tmp_path) == assets
    with pytest.raises(ValueError, match="must begin with <pad>"):
        data.Assets(("a", "b", "c", "d", "e"), 3)
    data.Assets((*data.SPECIAL, "a"), 10**9).save(tmp_path)
    with pytest.raises(ValueError, match="`length` must be from 1 to 10,000 words, got 1000000000"):
        data.Assets.load(tmp_path)


def test_each_pass_shows_every_caption_once_in_another_order_and_the_same_again(source):
    config = dataclasses.replace(TINY, batch_size=10)
    assets = data.prepare(source, config)
    batches = data.batches(source, config, "train", assets, seed=3)
    assert batches.count == 10  # 20 images, 5 captions each
    pixels = data.image_rows(source.splits["train"], config)[1].array
    said_of = {}
    for number, example in enumerate(source.splits["train"]):
        for caption in example.captions:
            said_of.setdefault(caption.encode(), []).append(number)
    orders = []
    for turn in (0, 1):
        said = []
        for index in range(batches.count):
            x, y, weights = batches.at(tf.constant(turn, tf.int64), tf.constant(index, tf.int64))
            assert x["image"].shape == (10, 32, 32, 3)
            np.testing.assert_array_equal(weights, y != 0)
            np.testing.assert_array_equal(x["words"][:, 1:], y[:, :-1])
            said += assets.spell(y).numpy().tolist()
            for line, image in zip(said[-10:], x["image"].numpy(), strict=True):
                assert any((image == pixels[number]).all() for number in said_of[line])
        expected = [c.encode() for e in source.splits["train"] for c in e.captions]
        assert sorted(said) == sorted(expected)
        orders.append(said)
    assert orders[0] != orders[1]
    x, y, _ = next(iter(data.batches(source, config, "train", assets, seed=3).endless(13)))
    assert assets.spell(y).numpy().tolist() == orders[1][30:40]


def test_one_pass_in_order_counts_every_caption_once(source):
    config = dataclasses.replace(TINY, batch_size=7)
    assets = data.prepare(source, config)
    said = []
    for x, y, weights in data.dataset(source, config, "valid", assets):
        assert x["words"].shape == (7, assets.length + 1)
        said += [line for line, w in zip(assets.spell(y).numpy(), weights, strict=True) if sum(w)]
    assert said == [c.encode() for e in source.splits["valid"] for c in e.captions]
    examples, pictures = data.pictures(source, config, "valid")
    assert examples == source.splits["valid"]
    shown = np.concatenate([x["image"] for x in pictures.one_pass()])
    assert len(shown) == 21  # 20, and the last again
    np.testing.assert_array_equal(shown[-1], shown[-2])


def files(folder) -> Source:
    """Four pictures on disk, of which the second is damaged and the last is like the one before."""
    rng, examples = np.random.default_rng(0), []
    pictures = [rng.integers(0, 256, (40, 30, 3), np.uint8) for _ in range(3)]
    for n, pixels in enumerate([*pictures, pictures[-1]]):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        (folder / f"{n}.png").write_bytes(file.getvalue()[: 90 if n == 1 else None])
        examples.append(Example(f"{n}.png", folder / f"{n}.png", (f"dog {n}",)))
    return Source("a test", {"train": tuple(examples)})


def test_files_are_read_once_and_damaged_ones_are_left_out(tmp_path, capsys):
    source = files(tmp_path)
    examples, rows, name = data.image_rows(source.splits["train"], TINY)
    assert name == "image"
    assert [e.key for e in examples] == ["0.png", "2.png", "3.png"]
    shown = rows.gather(tf.constant([2, 0, 1], tf.int64)).numpy()
    wanted = [read_image(tmp_path / f"{n}.png", 32) for n in (3, 0, 2)]
    np.testing.assert_array_equal(shown, wanted)
    assert len(rows.array) == 2  # two files hold the same
    assert "1 images cannot be read" in capsys.readouterr().err
    (tmp_path / "0.png").write_bytes(b"")
    (tmp_path / "2.png").unlink()
    (tmp_path / "3.png").write_bytes(b"x")
    with pytest.raises(UserError, match="None of 4 images can be read"):
        data.image_rows(source.splits["train"], TINY)


def test_there_must_be_something_to_learn_from():
    source = data.Source("only tests", {"train": (), "valid": (), "test": (), "all": ()})
    with pytest.raises(UserError, match="train split of only tests must hold an image"):
        data.prepare(source, TINY)
