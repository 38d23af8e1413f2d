"""Chung et al. 2014: Nottingham's folk tunes."""

from benchmarks.papers.chung import compare
from benchmarks.papers.polyphony import NOTTINGHAM
from benchmarks.papers.result import Result


def run(data: str | None) -> Result:
    return compare(data, NOTTINGHAM, {"tanh": 3.13, "GRU": 3.23, "LSTM": 3.20})
