"""Measuring things against each other in one process, on a machine that may be noisy."""

import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path


def machine(*packages: str) -> dict[str, str]:
    """What the numbers were measured on."""
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
        "python": platform.python_version(),
    } | versions


def alternate(contenders: dict[str, Callable], rounds: int) -> dict[str, float]:
    """Median seconds of a call of each contender: one warm-up each, then all in turn, `rounds` times.

    A contender must wait for its own result.
    """
    for call in contenders.values():
        call()
    seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
