# make demo | test | bench | papers | lint. Each makes the virtual environment it needs.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash

.PHONY: demo test bench papers lint clean

.venv/.installed: requirements.txt setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

demo: .venv/.installed
	@bash apps/demo.sh

test: .venv/.installed
	$(BIN)/python -m pytest -n 2

bench: .venv/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check "torch>=2.6"
	$(BIN)/python -m benchmarks.recurrence
	$(BIN)/python -m benchmarks.decoding

papers: .venv/.installed
	$(BIN)/python -m benchmarks.papers

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis
