"""Reproduce the papers' own results: a table of ours beside the published numbers.

    python -m benchmarks.papers [ROW…] [--data PATH] [--json]

Without rows, all that there are, each in a process of its own.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.measure import machine
from benchmarks.papers import ON_TENSORFLOW, ROWS
from kerasrnn.errors import UserError


def row(name: str, data: str | None) -> dict:
    """Run one row here."""
    module = importlib.import_module(f"benchmarks.papers.{ROWS[name]}")
    return module.run(data).record(name)


def row_apart(name: str, data: str | None) -> dict:
    """Run one row in a process of its own: rows differ in their backend. It says itself what fails."""
    options = ["--data", data] if data else []
    command = [sys.executable, "-m", "benchmarks.papers", name, "--json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return json.loads(done.stdout)


def run(names: list[str], data: str | None) -> list[dict]:
    """The rows' records: one row runs here, several each apart."""
    if len(names) > 1:
        return [row_apart(name, data) for name in names]
    os.environ["KERAS_BACKEND"] = "tensorflow" if names[0] in ON_TENSORFLOW else "jax"
    return [row(names[0], data)]


def show(records: list[dict]) -> None:
    packages = ("tensorflow", "keras", "jax")
    table = Table(title="Published and ours", caption=str(machine(*packages)), show_lines=True)
    for column in ("row", "published", "ours", "seeds", "pass", "deviations"):
        table.add_column(column, overflow="fold")
    for record in records:
        ours = "\n".join(f"{key}: {value}" for key, value in record["ours"].items())
        passed = {True: "yes", False: "NO", None: "not comparable"}[record["pass"]]
        deviations = "\n".join(f"- {text}" for text in record["deviations"])
        cells = (record["row"], record["published"], ours, record["seeds"], passed, deviations)
        table.add_row(*cells)
    Console(width=150).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; else all")
    parser.add_argument("--data", help="a row's own files, where it reads any")
    parser.add_argument("--json", action="store_true", help="print JSON: one object for one row")
    asked = parser.parse_args()
    unknown = [name for name in asked.rows if name not in ROWS]
    if unknown:
        parser.error(f"rows must be of {', '.join(ROWS)}, got {', '.join(unknown)}")
    try:
        records = run(asked.rows or list(ROWS), asked.data)
    except UserError as error:
        print(f"benchmarks.papers: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    if asked.json:
        print(json.dumps(records[0] if len(records) == 1 else records))
    else:
        show(records)


if __name__ == "__main__":
    main()
