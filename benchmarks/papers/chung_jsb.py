"""Chung et al. 2014: JSB Chorales."""

from benchmarks.papers.chung import compare
from benchmarks.papers.polyphony import JSB
from benchmarks.papers.result import Result


def run(data: str | None) -> Result:
    published = {"tanh": 9.10, "GRU": 8.54, "LSTM": 8.67}
    return compare(data, JSB, published, worst="tanh")
