"""`kerasrnn serve` under load: many clients, batching against one by one, and requests that nobody meant.

    python -m benchmarks.serving [--models DIR] [--parts load,batching,malformed] [--clients 200] [--seconds 60]
                                 [--batching-clients 32] [--rounds 3] [--malformed 1000] [--json]

DIR holds `char_lm` and `whale`, as `kerasrnn export` writes them; without it, both are trained for a few
seconds by their `small` preset on their own data (the weights do not change speed). Clients are coroutines
of this process over REST, each with one connection, asking again as soon as it is answered; the server is a
process of its own on the same machine. Asked is `char_lm` for 50 characters after a prompt, and `whale`
about a WAV file of 2 s (and, in `batching`, about a waveform of 2 s). Every answer is held to the one that
the same request got alone.

    load       all clients on both models at once; errors, wrong answers, requests a second, latency
    batching   one model at a time, servers with and without batches in turn; requests a second and their ratio
    malformed  random requests over REST and gRPC, half each; those that got another code than is right, and the
               server's resident memory at the beginning and after each fifth of them: its buffers and threads
               grow with the first hundreds, and nothing with the rest
"""

import argparse
import asyncio
import base64
import contextlib
import io
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import malformed
from benchmarks.crowd import alone, flood
from benchmarks.measure import machine, names_of
from kerasrnn.serving import Client

PARTS = ("load", "batching", "malformed")
KERASRNN = [sys.executable, "-c", "from kerasrnn.cli import main; main()"]
OPTIONS = {"length": 50, "temperature": 0.8, "top_k": 0, "top_p": 1.0}
KINDS = 32  # different requests to each signature
LIMIT = 16 * 2**20  # the server's own


def requests(seed: int = 0) -> dict[str, list[tuple[str, dict]]]:
    """{what is asked: [(model, JSON)]}."""
    import soundfile

    rng = np.random.default_rng(seed)
    text, files, waveforms = [], [], []
    for number in range(KINDS):
        row = {"prompt": "def f" + "ab (" * (number % 3), "seed": number} | OPTIONS
        text.append(("char_lm", {"instances": [row]}))
        sound, file = rng.normal(0, 0.1, 4000).clip(-1, 1), io.BytesIO()
        soundfile.write(file, sound, 2000, format="WAV", subtype="PCM_16")
        packed = {"b64": base64.b64encode(file.getvalue()).decode("ascii")}
        files.append(("whale", {"instances": [packed]}))
        samples = sound.round(4).tolist()
        waveforms.append(("whale", {"instances": [samples], "signature_name": "waveform"}))
    return {"char_lm": text, "whale": files, "whale, waveform": waveforms}


@contextlib.contextmanager
def server(models: Path, batch: int) -> Iterator[tuple[str, str, int]]:
    """A server's REST address, its gRPC address and its process."""
    words = ["serve", str(models), "--rest-port", "0", "--grpc-port", "0", "--batch", str(batch)]
    process = subprocess.Popen(
        [*KERASRNN, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        addresses = [process.stdout.readline().split()[1] for _ in range(2)]
        yield *addresses, process.pid
        if process.poll() is not None:
            raise RuntimeError(f"The server has ended with {process.returncode}.")
    finally:
        process.terminate()
        process.communicate()


def load(models: Path, clients: int, seconds: float) -> dict:
    """Every client on both models."""
    asked = [
        one for name, some in requests().items() if name in ("char_lm", "whale") for one in some
    ]
    with server(models, 64) as (rest, _, pid):
        answers = alone(rest, asked)
        before = resident(pid)
        found = asyncio.run(flood(rest, asked, answers, clients, seconds))
        return found | {"resident_mb": [before, resident(pid)]}


def batching(models: Path, clients: int, seconds: float, rounds: int) -> dict:
    """Requests a second of each kind, in batches and one by one: medians of rounds in turn."""
    rates: dict[str, dict[str, list]] = {}
    with server(models, 64) as together, server(models, 1) as apart:
        for name, asked in requests().items():
            answers = alone(together[0], asked)
            rates[name] = {"together": [], "apart": [], "failures": 0}
            for _ in range(rounds):
                for way, (rest, *_) in (("together", together), ("apart", apart)):
                    found = asyncio.run(flood(rest, asked, answers, clients, seconds))
                    rates[name][way].append(found["per_second"])
                    rates[name]["failures"] += found["failures"]
    for row in rates.values():
        row |= {way: statistics.median(row[way]) for way in ("together", "apart")}
        row["ratio"] = row["together"] / row["apart"]
    return {"clients": clients, "rows": rates}


def resident(pid: int) -> float:
    """Megabytes of a process in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("The system does not say how large a process is.")


def hurt(models: Path, count: int) -> dict:
    """Malformed requests, `count` in all."""
    inputs = {"prompt": np.array([b"a"], object), "seed": np.int32([1])}
    for name, value in OPTIONS.items():
        inputs[name] = np.array([value], np.float32 if isinstance(value, float) else np.int32)
    rng, wrong, seen, sizes = random.Random(1), [], {}, []
    with server(models, 64) as (rest, rpc, pid):
        (host, rest_port), grpc_port = rest.removeprefix("http://").split(":"), rpc.split(":")[1]
        target = malformed.Target(host, int(rest_port), int(grpc_port), "char_lm", inputs, LIMIT)
        body = target.columns()
        good = Client(rest).predict("char_lm", body["inputs"])
        with grpc.insecure_channel(rpc) as channel:
            for number in range(count):
                if number % max(count // 5, 1) == 0:
                    sizes.append(resident(pid))
                if number % 2:
                    kind, code, right = malformed.send_rpc(channel, target, rng)
                else:
                    kind, code = malformed.send_rest(target, rng)
                    right = code in malformed.REFUSED or (code is None and kind == "cut")
                way = f"{'gRPC' if number % 2 else 'REST'} {kind}: {code}"
                seen[way] = seen.get(way, 0) + 1
                if not right:
                    wrong.append(way)
        if Client(rest).predict("char_lm", body["inputs"]) != good:
            wrong.append("the good request is answered otherwise")
        sizes.append(resident(pid))
    return {"requests": count, "wrong": wrong, "resident_mb": sizes, "codes": seen}


def prepare(folder: Path) -> Path:
    """Both models, trained for seconds."""
    for app in ("char_lm", "whale"):
        words = ["train", app, "--preset", "small", "--max-minutes", "0.1", "--out"]
        for more in ([*words, folder / app], ["export", folder / app, "--to", folder / "models"]):
            subprocess.run([*KERASRNN, *map(str, more)], check=True, stdout=subprocess.DEVNULL)
    return folder / "models"


def megabytes(found: dict) -> str:
    """Sizes over time, as they are printed."""
    return " → ".join(f"{size:.0f}" for size in found["resident_mb"])


def show(report: dict) -> None:
    console = Console(width=110, markup=False, highlight=False)
    if "load" in report:
        found = report["load"]
        console.print(
            f"{found['clients']} clients: {found['answers']:,} right answers, {found['failures']} "
            f"failures, {found['per_second']:.0f} a second, p50 {found['p50_ms']:.0f} ms, "
            f"p99 {found['p99_ms']:.0f} ms; resident {megabytes(found)} MB", *found["examples"]
        )  # fmt: skip
    if "batching" in report:
        table = Table(title=f"Requests a second, {report['batching']['clients']} clients")
        for column in ("", "in batches", "one by one", "ratio", "failures"):
            table.add_column(column, justify="right")
        for name, row in report["batching"]["rows"].items():
            rates = [f"{row[way]:,.0f}" for way in ("together", "apart")]
            table.add_row(name, *rates, f"{row['ratio']:.1f} ×", str(row["failures"]))
        console.print(table)
    if "malformed" in report:
        found = report["malformed"]
        console.print(
            f"{found['requests']} malformed requests: {len(found['wrong'])} got another code than is "
            f"right {found['wrong'][:5]}; resident {megabytes(found)} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, help="a folder with char_lm and whale")
    parser.add_argument("--parts", type=names_of(PARTS), default=",".join(PARTS))
    parser.add_argument("--clients", type=int, default=200, help="of load")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of load; a sixth a turn of batching"
    )
    parser.add_argument("--batching-clients", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--malformed", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    report = {}
    with tempfile.TemporaryDirectory() as folder:
        models = asked.models or prepare(Path(folder))
        each = asked.batching_clients, asked.seconds / 6, asked.rounds
        parts = {
            "load": lambda: load(models, asked.clients, asked.seconds),
            "batching": lambda: batching(models, *each),
            "malformed": lambda: hurt(models, asked.malformed),
        }
        for part in asked.parts:
            report[part] = parts[part]()
            if not asked.json:
                show({part: report[part]})
    report["machine"] = machine("tensorflow", "aiohttp", "grpcio")
    print(json.dumps(report) if asked.json else report["machine"], flush=True)


if __name__ == "__main__":
    main()
