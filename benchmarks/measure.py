"""Measuring things against each other in one process, on a machine that may be noisy."""

import argparse
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path


def machine(*packages: str) -> dict[str, str]:
    """What the numbers were measured on, and how busy it was."""
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = {package: importlib.metadata.version(package) for package in packages}
    return {
        "processor": processor,
        "cores": str(cores),
        "load": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
    } | versions


def alternate(
    contenders: dict[str, Callable], rounds: int, seconds: float = 0.25
) -> dict[str, float]:
    """Median seconds of a call of each contender: two to warm up, then all in turn, `rounds` times.

    A contender must wait for its own result. In its turn a fast one is called several times, for
    about `seconds`.
    """
    counts, times = {}, {name: [] for name in contenders}
    for name, call in contenders.items():
        call()
        counts[name] = max(1, int(seconds / _seconds(call, 1)))
    for _ in range(rounds):
        for name, call in contenders.items():
            times[name].append(_seconds(call, counts[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def _seconds(call: Callable, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


def names_of(known) -> Callable[[str], list[str]]:
    """What reads some of the names `known` from the command line, with commas between them."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"must be of {', '.join(known)}, got {text!r}.")
        return names

    return read
