"""Configurations beside each other: same data and seeds, one table, one picture."""

import json
import shutil

import pytest

from kerasrnn.app import find_app
from kerasrnn.comparison import columns


@pytest.fixture(scope="module")
def compared(tiny, tmp_path_factory, command):
    """Two variants, of which one was trained before the comparison was cut off."""
    book, out = tiny("char_lm"), tmp_path_factory.mktemp("compared")
    shutil.copytree(book.path, out / "plain-0")
    config = out / "plain-0" / "config.json"
    values = json.loads(config.read_text("utf-8")) | {"seed": 0, "epochs": 1, "max_minutes": None}
    config.write_text(json.dumps(values), "utf-8")
    (out / "plain-0" / "peak.json").write_text('{"peak_mib": 321.0}')
    words = ("--data", book.source, "--preset", "tiny", "--epochs", "1", "--out", out, "--json")
    variants = ("--variant", "plain:", "--variant", "small:units=5,7,epoch_steps=5")
    answer = command("compare", "char_lm", *variants, *words)
    assert answer.code == 0, answer.err
    return out, answer.json


def test_each_variant_is_trained_with_its_settings_and_judged_as_evaluate_judges(compared, command):
    out, answer = compared
    plain, small = answer["rows"]
    assert small["settings"] == ["units=5,7", "epoch_steps=5"]
    assert json.loads((out / "small-0" / "config.json").read_text())["config"]["units"] == [5, 7]
    for row in (plain, small):
        wanted = command("evaluate", out / f"{row['name']}-0", "--json").json["metrics"]
        assert row["metrics"] == [pytest.approx(wanted)]
    assert plain["peak_mib"] == 321
    assert small["peak_mib"] > 100  # a process with TensorFlow
    assert 0 < small["parameters"] < plain["parameters"]
    assert small["examples_per_second"] > 0
    assert len(small["histories"][0]) == 1


def test_a_comparison_leaves_its_table_and_its_picture(compared):
    out, answer = compared
    assert json.loads((out / "comparison.json").read_text("utf-8")) == answer
    assert (out / "comparison.png").stat().st_size > 10_000
    rows = columns(answer)
    assert list(rows[0])[:2] == ["", next(iter(answer["rows"][0]["metrics"][0]))]
    assert rows[0]["peak MiB"] == "321"


def test_a_run_of_other_settings_or_data_is_not_taken_for_the_wanted_one(compared, tiny, command):
    out, book = compared[0], tiny("char_lm")
    words = ("char_lm", "--preset", "tiny", "--data", book.source, "--out", out)
    for more in (("--variant", "plain:units=9"), ("--variant", "plain:", "--epochs", "2")):
        answer = command("compare", *words, "--variant", "other:", *more)
        assert answer.code == 2
        assert "plain-0 holds a run with another" in answer.err


def test_several_seeds_are_told_as_their_mean_and_how_far_they_lie_apart(compared):
    row = compared[1]["rows"][0] | {"metrics": [{"wer": 0.25}, {"wer": 0.75}], "traits": {"x": 2.0}}
    assert columns({"rows": [row]})[0]["wer"] == "0.500 (0.250–0.750)"
    assert columns({"rows": [row]})[0]["x"] == "2"


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        (("a",), "A variant must be written NAME:KEY=VALUE,…, got 'a'"),
        (("a:unitz=4", "b:"), "got 'unitz'. Did you mean 'units'?"),
        (("a:", "a:units=4"), "needs two variants at least"),
        (("../a:", "b:"), "A variant must be written NAME"),
        (("a:", "b:", "--data=gone.txt"), "Cannot read gone.txt"),
        (("a:", "b:", "--split=dev"), "A split must be one of all, test, train, valid; got 'dev'"),
        (("a:", "b:", "--seeds=0"), "needs two variants at least, and a seed, got 2 and 0"),
        (("a:", "b:", "--max-minutes=nan"), "`max_minutes` must be above 0, got nan"),
        (("a:", "b:", "--epochs=0"), "`epochs` must be above 0, got 0"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_trained(
    command, tmp_path, variants, said
):
    words = [text if text.startswith("--") else f"--variant={text}" for text in variants]
    answer = command("compare", "char_lm", *words, "--preset", "tiny", "--out", tmp_path / "out")
    assert answer.code == 2
    assert said in answer.err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_only_an_app_with_more_to_tell_has_traits():
    assert find_app("wavenet").has("traits")
    assert not find_app("char_lm").has("traits")
