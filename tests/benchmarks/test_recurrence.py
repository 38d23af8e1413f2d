"""What is held against our layers is the same arithmetic; names that a benchmark has not are refused."""

import subprocess
import sys

import numpy as np
import pytest

from benchmarks.directions import OneLoop, TwoLoops


def test_both_directions_in_one_loop_are_those_of_two():
    two = TwoLoops((3, 7, 4, 5))
    one = OneLoop(two)
    np.testing.assert_allclose(one.infer(), two.infer(), rtol=1e-4, atol=1e-5)
    for found, wanted in zip(one.train(), two.train(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


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
