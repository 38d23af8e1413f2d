"""Chung et al. 2014: JSB Chorales."""

from benchmarks.papers.chung import compare
from benchmarks.papers.polyphony import read
from benchmarks.papers.result import Result


def run(data: str | None) -> Result:
    music = read(data, "JSB_Chorales.mat")
    return compare(music, {"tanh": 9.10, "GRU": 8.54, "LSTM": 8.67}, worst="tanh")
