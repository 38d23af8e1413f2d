"""ARPA files: the same numbers after writing and reading, as KenLM reads them, and every damage refused."""

import gzip
import math
import os

import numpy as np
import pytest

from kerasrnn.baselines import kneser_ney, read_arpa, write_arpa
from kerasrnn.errors import UserError

SENTENCES = [
    line.split() for line in ("the cat sat", "the dog sat", "a cat ran ε", "the cat", "")
] * 2
HELD_OUT = [line.split() for line in ("the cat ran", "a dog the ε unseen words", "", "sat sat sat")]

# a model that someone pruned: "the cat sat" is listed, but not its end "cat sat"
PRUNED = """A comment.

\\data\\
ngram 1=5
ngram 2=2
ngram 3=1

\\1-grams:
-99\t<s>\t-0.5
-1.0\t</s>
-0.5\tthe\t-0.25
-0.75\tcat\t-0.125
-0.875\tsat\t-1

\\2-grams:
-0.25\tthe cat\t-0.0625
-0.3\t<s> the\t-0.03125

\\3-grams:
-0.2\tthe cat sat

\\end\\
"""


@pytest.fixture
def pruned(tmp_path):
    path = tmp_path / "pruned.arpa"
    path.write_text(PRUNED, "utf-8")
    return path


@pytest.mark.parametrize("name", ["model.arpa", "model.arpa.gz"])
def test_a_model_is_the_same_after_writing_and_reading(tmp_path, name):
    model = kneser_ney(SENTENCES, 3)
    write_arpa(model, tmp_path / name)
    again = read_arpa(tmp_path / name)
    assert again.words == model.words
    for ours, theirs in zip(model.scores(HELD_OUT), again.scores(HELD_OUT), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-6)
    assert again.distribution(again.start).sum() == pytest.approx(1, abs=1e-6)
    if name.endswith(".gz"):
        text = gzip.decompress((tmp_path / name).read_bytes())
        assert text.startswith(b"\\data\\\nngram 1=")


def test_a_back_off_by_hand(pruned):
    model = read_arpa(pruned)
    assert model.order == 3
    by_hand = {
        "the cat sat": [-0.3, -0.03125 - 0.25, -0.2, -1 - 1.0],
        "cat sat": [-0.5 - 0.75, -0.125 - 0.875, -1 - 1.0],
        "the sat": [-0.3, -0.03125 - 0.25 - 0.875, -1 - 1.0],
        "the dog": [-0.3, -0.03125 - 0.25 - 100, -1.0],  # no <unk> in the file: 10**-100
    }
    for sentence, expected in by_hand.items():
        np.testing.assert_allclose(model.score(sentence.split()), expected, rtol=1e-12)


def test_kenlm_reads_our_file_and_answers_alike(tmp_path):
    kenlm = pytest.importorskip("kenlm")
    model = kneser_ney(SENTENCES, 4)
    write_arpa(model, tmp_path / "model.arpa")
    theirs = kenlm.LanguageModel(str(tmp_path / "model.arpa"))
    for sentence in [*HELD_OUT, ["the", "cat", "sat"]]:
        expected = [log10 for log10, _, _ in theirs.full_scores(" ".join(sentence))]
        np.testing.assert_allclose(model.score(sentence), expected, atol=1e-6)


def test_a_word_with_white_space_cannot_be_written(tmp_path):
    for word in ("a b", "", "a\n"):
        with pytest.raises(ValueError, match="no white space"):
            write_arpa(kneser_ney([[word]], 2), tmp_path / "model.arpa")
    assert not list(tmp_path.iterdir())


DAMAGES = {
    "cut": (PRUNED[: PRUNED.index("-0.3\t")], "cut short"),
    "no end": (PRUNED.replace("\\end\\", ""), "cut short"),
    "empty": ("", "cut short"),
    "another file": ("hello\nworld\n" * 9, "cut short"),
    "no counts": (PRUNED.replace("ngram 1=5\nngram 2=2\nngram 3=1\n", ""), "ngram 1="),
    "count of nothing": (PRUNED.replace("ngram 1=5", "ngram 2=5"), "n-grams of 1, 2"),
    "a vast count": (PRUNED.replace("ngram 1=5", "ngram 1=999999999999999"), "must list 9999"),
    "too few": (PRUNED.replace("ngram 1=5", "ngram 1=6"), "must list 6 n-grams"),
    "too many": (PRUNED.replace("ngram 2=2", "ngram 2=1"), "3-grams: here"),
    "no number": (PRUNED.replace("-0.75\tcat", "x\tcat"), "logarithm of a probability"),
    "not a number": (PRUNED.replace("-0.75\tcat", "nan\tcat"), "line 12"),
    "above one": (PRUNED.replace("-0.75\tcat", "0.75\tcat"), "got '0.75'"),
    "infinite weight": (PRUNED.replace("-0.125", "inf"), "logarithm of a weight"),
    "unknown word": (PRUNED.replace("the cat sat", "the cow sat"), "'cow', which is not among"),
    "twice": (PRUNED.replace("\tcat\t-0.1", "\tthe\t-0.1"), "'the' twice"),
    "gram twice": (PRUNED.replace("<s> the", "the cat"), "'the cat' is listed twice"),
    "no parent": (PRUNED.replace("the cat sat", "sat cat sat"), "'sat cat sat' is listed, but"),
    "no beginning": (PRUNED.replace("<s>", "cow"), "must list <s>"),
    "a vast weight": (PRUNED.replace("-0.125", "1e308"), "logarithm of a weight"),
    "white space": (
        PRUNED.replace("\tcat\t", "\tc\rt\t"),
        "words without white space, got 'c\\rt'",
    ),
    "a long line": (PRUNED.replace("the cat sat", "x" * 70_000), "bytes"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_with_one_line(tmp_path, damage):
    text, said = DAMAGES[damage]
    path = tmp_path / "damaged.arpa"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError) as refused:
        read_arpa(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_what_is_no_text_or_not_there_is_refused(tmp_path):
    (tmp_path / "binary.arpa").write_bytes(b"\\data\\\nngram 1=\xff\n")
    (tmp_path / "no.arpa.gz").write_bytes(b"no gzip")
    (tmp_path / "cut.arpa.gz").write_bytes(gzip.compress(PRUNED.encode())[:-20])
    spoilt = bytearray(gzip.compress(PRUNED.encode()))
    spoilt[40:70] = bytes(30)
    (tmp_path / "spoilt.arpa.gz").write_bytes(spoilt)
    os.mkfifo(tmp_path / "pipe")
    for name in (
        "spoilt.arpa.gz",
        "pipe",
        "binary.arpa",
        "no.arpa.gz",
        "cut.arpa.gz",
        "missing.arpa",
        ".",
    ):
        with pytest.raises(UserError, match=r"UTF-8|Cannot read"):
            read_arpa(tmp_path / name)


def test_unknown_words_may_be_spelt_in_capitals(pruned):
    text = PRUNED.replace("ngram 1=5", "ngram 1=6").replace("-99\t<s>", "-2\t<UNK>\n-99\t<s>")
    pruned.write_text(text.replace("the cat sat", "the cat <UNK>"), "utf-8")
    model = read_arpa(pruned)
    assert model.score(["the", "cat", "cow"])[2] == -0.2
    assert math.isclose(model.score(["cow"])[0], -0.5 - 2)
