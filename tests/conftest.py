"""What the tests share: the command line in this process, and each app's tiny run, trained once."""

import contextlib
import gc
import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from kerasrnn import notice
from tests.samples import SAMPLES


@dataclass(frozen=True)
class Answer:
    """What a command left behind: its exit code and the two streams."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def run_command(*words) -> Answer:
    """`kerasrnn words…` through `kerasrnn.cli.main`, in this process."""
    from kerasrnn.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    arguments, sys.argv = sys.argv, ["kerasrnn", *map(str, words)]
    code = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.argv = arguments
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8"))
    return Answer(code, *texts)


@pytest.fixture(autouse=True, scope="module")
def kept_graphs():
    """What TensorFlow keeps of a module's graphs, the garbage collector need not look through ever after."""
    yield
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Every test, and the fixtures that it makes, draw the same numbers in whatever order tests run."""
    import keras

    keras.utils.set_random_seed(2)


@pytest.fixture(scope="session", autouse=True)
def _cache_of_these_tests(tmp_path_factory):
    """Features that tests make are not kept among the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASRNN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def command():
    return run_command


@pytest.fixture(scope="session")
def samples():
    return SAMPLES


@pytest.fixture(autouse=True)
def _nothing_told_yet(monkeypatch):
    """A sentence is told once in a process; for a test, in that test."""
    monkeypatch.setattr(notice, "_told", set())


@pytest.fixture
def tree():
    """folder -> every path below it, to see that nothing was left behind."""
    return lambda folder: sorted(path.relative_to(folder) for path in folder.rglob("*"))


class Tiny:
    """One app, trained by its tiny preset on its sample, through the command line."""

    def __init__(self, app: str, folder: Path):
        from kerasrnn.run import Run

        self.sample = SAMPLES[app]
        self.source = self.sample.write(folder)
        self.models = folder / "models"
        words = ("--data", self.source, "--preset", "tiny", "--out", folder / "run", "--seed", 5)
        self.training = run_command("train", app, *words)
        assert self.training.code == 0, self.training.err
        self.path = folder / "run"
        self.run = Run(self.path)
        given = self.sample.inputs
        self.inputs = [str(self.source / name) for name in given] if self.sample.files else given
        self._export = None

    @property
    def export(self) -> Path:
        """The version's folder of its SavedModel, written once by the command line."""
        if self._export is None:
            answer = run_command("export", self.path, "--to", self.models, "--name", "tiny")
            assert answer.code == 0, answer.err
            self._export = Path(answer.out.strip())
        return self._export


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """name of an app -> its `Tiny`, made when first asked for."""
    made = {}

    def get(app: str) -> Tiny:
        if app not in made:
            made[app] = Tiny(app, tmp_path_factory.mktemp(app))
        return made[app]

    return get
