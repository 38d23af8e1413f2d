"""What loads what: nothing heavy before it is needed, and each folder only from the folders above it."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kerasrnn"

ORDER = (
    *("errors", "cores", "notice", "files", "settings"),
    *(
        "shapes",
        "cell_names",
        "chance",
        "initializers",
        "regularizers",
        "cells",
        "recurrence",
        "layers",
        "builders",
    ),
    *("losses", "checks", "decoders", "metrics", "baselines", "data", "app", "training"),
    *("registered", "tuning"),
    *("export", "serving", "learning", "run", "comparison", "apps", "cli"),
)
WITHOUT_TENSORFLOW = ("initializers", "regularizers", "cells", "layers", "builders", "losses")
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def home(path: Path) -> str:
    """The name in `ORDER` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Dotted names of all that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_its_own_folder_and_those_above(path):
    assert home(path) in ORDER
    allowed = ORDER[: ORDER.index(home(path)) + 1]
    names = imported(path)
    inside = {name.split(".")[1] for name in names if name.split(".")[0] == "kerasrnn"}
    assert inside - {"__version__"} <= set(allowed)


@pytest.mark.parametrize("folder", WITHOUT_TENSORFLOW)
def test_what_also_runs_on_jax_never_imports_tensorflow(folder):
    files = [path for path in FILES if home(path) == folder]
    roots = {name.split(".")[0] for path in files for name in imported(path)}
    assert not roots & {"tensorflow", "tensorflow_text", "tensorflow_io"}


def test_importing_the_package_and_its_help_load_nothing_heavy():
    script = """
import sys, json, contextlib, io
import kerasrnn
from_import = sorted(sys.modules)
from kerasrnn.cli import main
sys.argv = ["kerasrnn", "--help"]
said = io.TextIOWrapper(io.BytesIO())
with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
    main()
said.flush()
print(json.dumps([from_import, sorted(sys.modules), said.buffer.getvalue().decode()]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    after_import, after_help, said = json.loads(done.stdout)
    assert "\n  train " in said
    for heavy in ("tensorflow", "keras", "numpy", "matplotlib", "jax"):
        assert heavy not in after_import
        assert heavy not in after_help


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    import kerasrnn

    with pytest.raises(AttributeError, match="has no attribute 'bogus'"):
        _ = kerasrnn.bogus
    assert kerasrnn.errors.UserError.__mro__[1] is ValueError
