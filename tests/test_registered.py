"""`kerasrnn.registered` knows every class that can be in a file, in a process that knows nothing else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kerasrnn

CLASSES = re.compile(r'register_keras_serializable\(package="kerasrnn"\)\n(?:class|def) (\w+)')
SCRIPT = """
import keras, kerasrnn.registered
print(*(name for name in keras.saving.get_custom_objects() if name.startswith("kerasrnn>")))
"""
OF_TENSORFLOW = {"AutoClip", "MeanClip", "OmegaRegularized", "ScheduledSampling"}
OF_TENSORFLOW |= {"TruncatedBPTT", "WindowedBPTT"}


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_every_registered_class_outside_the_apps_is_known(backend):
    home = Path(kerasrnn.__file__).parent
    files = (file for file in home.rglob("*.py") if "apps" not in file.parts)
    written = {name for file in files for name in CLASSES.findall(file.read_text("utf-8"))}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False,
        env=os.environ | {"KERAS_BACKEND": backend},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    known = {name.removeprefix("kerasrnn>") for name in done.stdout.split()}
    assert len(written) > 30
    assert written - known == (set() if backend == "tensorflow" else OF_TENSORFLOW)
