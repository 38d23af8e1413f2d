"""The serving benchmark runs, and counts what it says."""

import json
import sys

from benchmarks import serving


def test_a_short_run_finds_no_failure_and_no_wrong_code(tiny, tmp_path, monkeypatch, capsys):
    for app in ("char_lm", "whale"):
        (tmp_path / app).symlink_to(tiny(app).export.parent)
    words = ["--models", str(tmp_path), "--seconds", "3", "--malformed", "40"]
    words += ["--batching-clients", "3", "--rounds", "1", "--parts", "batching,malformed", "--json"]
    monkeypatch.setattr(sys, "argv", ["serving", *words])
    serving.main()  # `load` is one of its servers and floods
    report = json.loads(capsys.readouterr().out)
    rows, malformed = report["batching"]["rows"], report["malformed"]
    assert set(rows) == {"char_lm", "whale", "whale, waveform"}
    assert all(row["failures"] == 0 and row["ratio"] > 0 for row in rows.values())
    assert malformed["wrong"] == []
    assert sum(malformed["codes"].values()) == 40
    serving.show(report)
    assert "40 malformed requests: 0 got another code" in capsys.readouterr().out
