"""Processes on this machine that train together, for tests."""

import json
import os
import socket
import subprocess
import sys

SCRIPT = "from kerasrnn.cli import main; main()"


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def begun(words, count: int = 2, script: str = SCRIPT) -> list[subprocess.Popen]:
    """The same command in `count` processes, each with its TF_CONFIG."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(count)]
    found = []
    for number in range(count):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": number}}
        environment = os.environ | {"TF_CONFIG": json.dumps(task), "TF_NUM_INTRAOP_THREADS": "1"}
        command = [sys.executable, "-c", script, *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        found.append(subprocess.Popen(command, env=environment, **pipes))
    return found


def ended(processes: list[subprocess.Popen], timeout: float = 1500) -> list[tuple[int, str, str]]:
    """Exit code, standard output and standard error of each; none is left behind."""
    try:
        said = [process.communicate(timeout=timeout) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(one.returncode, *texts) for one, texts in zip(processes, said, strict=True)]
