"""Detections, and the files that `kerasrnn detect` writes."""

import csv
import io

import numpy as np
import pytest
import soundfile

from kerasrnn.apps import whale
from kerasrnn.apps.whale import detect, synth
from kerasrnn.errors import UserError

TINY = whale.PRESETS["tiny"]


def test_runs_of_windows_become_detections():
    def joined(scores, threshold=0.5):
        pairs = [(0.25 * k, score) for k, score in enumerate(scores)]
        return [(d.begin, d.end, d.score) for d in detect.joined(pairs, threshold, TINY)]

    assert joined([0.1, 0.2]) == []
    assert joined([0, 0, 0.5, 0.9, 0.7, 0]) == [(1.0, 2.5, 0.9)]  # all of it in three windows
    assert joined([0.8]) == [(0.0, 2.0, 0.8)]
    assert joined([0, 0.6, 0, 0.7]) == [(0.25, 2.25, 0.6), (0.75, 2.75, 0.7)]
    ((begin, end, _),) = joined([0.9] * 21)  # several calls within 7 s
    assert (begin, end) == (1.0, 6.0)


@pytest.fixture(scope="module")
def found(tiny, recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("found")
    soundfile.write(folder / "day.flac", recording[0], synth.RATE)
    run = tiny("whale").run
    result = detect.detect(run, folder / "day.flac", 0.2)
    return result, folder, run


def test_a_raven_table_has_its_standard_columns_and_the_csv_says_the_same(found):
    result, folder, _ = found
    raven, table = detect.write_tables(result, folder)
    assert raven.name == "day.selections.txt"
    rows = list(csv.DictReader(io.StringIO(raven.read_text()), delimiter="\t"))
    assert raven.read_text().splitlines()[0] == (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tScore"
    )
    assert len(rows) == len(result.detections) > 0
    others = list(csv.DictReader(io.StringIO(table.read_text())))
    for n, (row, other, one) in enumerate(zip(rows, others, result.detections, strict=True), 1):
        assert (row["Selection"], row["View"], row["Channel"]) == (str(n), "Spectrogram 1", "1")
        assert float(row["Begin Time (s)"]) == float(other["begin"]) == pytest.approx(one.begin)
        assert 0 <= one.begin < one.end <= result.seconds
        assert float(other["score"]) == pytest.approx(one.score, abs=1e-4)


def test_detect_writes_its_files_says_its_threshold_and_goes_on_past_a_bad_file(
    found, tiny, command, tmp_path
):
    _, folder, _ = found
    (folder / "bad.wav").write_text("no sound")
    words = ("detect", tiny("whale").path, folder / "day.flac", "--out", tmp_path / "out", "--json")
    answer = command(*words, "--precision", 0.6)
    assert answer.code == 0, answer.err
    assert set(answer.json["validation"]) == {"precision", "recall", "false_alarms_per_hour"}
    (one,) = answer.json["recordings"]
    assert one["seconds"] == pytest.approx(120.39, abs=0.01)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "day.csv", "day.png", "day.selections.txt",
    ]  # fmt: skip
    assert "false alarms in an hour" in answer.err
    assert f"the validation clips of {tiny('whale').source}" in answer.err
    bad = command(
        "detect", tiny("whale").path, folder / "bad.wav", folder / "day.flac",
        "--threshold", 0.5, "--out", tmp_path / "more", "--no-picture", "--json",
    )  # fmt: skip
    assert bad.code == 2
    assert len(bad.json["recordings"]) == len(bad.json["refused"]) == 1
    assert "cannot be read as audio" in bad.err
    assert (tmp_path / "more" / "day.csv").is_file()


def test_hostile_recordings_are_heard_or_refused_in_one_sentence(tiny, tmp_path):
    run = tiny("whale").run
    rng = np.random.default_rng(0)
    sounds = {
        "silent": np.zeros(8000), "one": np.ones(1), "clipped": np.sign(rng.normal(size=5000)),
        "tiny": 1e-30 * rng.normal(size=6000), "loud": 1e9 * rng.normal(size=6000),
        "stereo": rng.normal(0, 0.1, (44_100, 2)),
    }  # fmt: skip
    for name, sound in sounds.items():
        rate = 44_100 if name == "stereo" else 2000
        soundfile.write(tmp_path / f"{name}.wav", sound, rate, subtype="FLOAT")
    paths = [tmp_path / f"{name}.wav" for name in sounds]
    for path, answer in zip(paths, run.predict(paths), strict=True):
        assert 0 <= answer["probability"] <= 1
        found = detect.detect(run, path, 0.0)
        assert all(0 <= one.begin < one.end <= found.seconds for one in found.detections)
        assert max(one.score for one in found.detections) == pytest.approx(answer["probability"])
    soundfile.write(tmp_path / "nan.wav", np.full(99, np.nan), 2000, subtype="FLOAT")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 2000)
    (tmp_path / "text.wav").write_text("hello")
    refused = {"nan": "must be finite", "empty": "holds none", "text": "cannot be read as audio"}
    for name, says in (refused | {"gone": "is none"}).items():
        for ask in (lambda path: run.predict([path]), lambda path: detect.detect(run, path, 0.5)):
            with pytest.raises(UserError, match=says):
                ask(tmp_path / f"{name}.wav")


def test_an_app_that_hears_nothing_says_so(tiny, command, tmp_path):
    answer = command("detect", tiny("char_lm").path, "x.wav", "--out", tmp_path)
    assert answer.code == 2
    assert "needs an app that detects; char_lm does not" in answer.err
