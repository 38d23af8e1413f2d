#!/usr/bin/env bash
# The whole path on the embedded default: train, judge, write, export, and answer from the SavedModel.
# Each command is printed before it runs, so that it can be run again by hand.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

step() { printf '\n\033[1m$'; printf ' %q' "$@"; printf '\033[0m\n'; "$@"; }

step rm -rf runs/demo saved_models/demo
step kerasrnn train char_lm --preset small --max-minutes 1.5 --out runs/demo
step kerasrnn evaluate runs/demo --split test
step kerasrnn predict runs/demo "def main(" --length 300 --temperature 0.6 --seed 1
step kerasrnn export runs/demo --to saved_models --name demo
step python apps/ask_saved_model.py saved_models/demo/1 "class Reader" --length 300 --seed 2
printf '\nThe learning curve is runs/demo/plots/learning_curve.png.\n'
