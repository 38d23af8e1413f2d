"""Numbers that need a process of their own: peak memory, and the time of a first step."""

import os
import subprocess
import sys
import time

from benchmarks.contenders import KerasContender

# glibc gives back what is freed at once, so that a peak is what a step needs, and not what was left lying about
FRUGAL = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}


def alone(what: str, who: str, kind: str, size) -> float:
    """Run `probe` in a process of its own."""
    words = [what, who, kind, ",".join(map(str, size))]
    command = [sys.executable, "-m", "benchmarks.recurrence", "--probe", *words]
    given = os.environ | (FRUGAL if what == "memory" else {})
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=given)
    return float(done.stdout.splitlines()[-1])


def probe(what: str, who: str, kind: str, size) -> float:
    """Peak MiB of training steps after the first, or seconds of the first."""
    contender = KerasContender(who.removesuffix("_jit"), kind, size, who.endswith("_jit"))
    idle = _status("VmRSS")
    start = time.perf_counter()
    contender.train()
    if what == "compile":
        return time.perf_counter() - start
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the compiler's peak
    for _ in range(3):
        contender.train()
    return _status("VmHWM") - idle


def _status(key: str) -> float:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) / 1024
