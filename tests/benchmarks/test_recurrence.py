"""Names that a benchmark has not are refused."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("recurrence", ["--parts", "sped"]),
        ("recurrence", ["--kinds", "LSTN"]),
        ("recurrence", ["--what", "trian"]),
        ("ctc", ["--parts", "los"]),
        ("decoding", ["--parts", "tekst"]),
        ("serving", ["--parts", "lod"]),
    ],
)
def test_a_name_that_a_benchmark_has_not_is_refused(module, words):
    command = [sys.executable, "-m", f"benchmarks.{module}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "must be of" in done.stderr
    assert "Traceback" not in done.stderr
