"""Many clients of one server at once, and what became of their requests."""

import asyncio
import math
import random
import statistics
import time

import aiohttp

from kerasrnn.serving import Client


def same(ours, theirs) -> bool:
    """Whether two answers are one, but for the rounding of numbers."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-3, abs_tol=1e-4)
    if isinstance(ours, list | dict):
        places = range(len(ours)) if isinstance(ours, list) else ours
        return len(ours) == len(theirs) and all(same(ours[k], theirs[k]) for k in places)
    return ours == theirs


def alone(rest: str, asked: list[tuple[str, dict]]) -> list:
    """Each request's answer when nobody else asks."""
    client = Client(rest)
    return [
        client.predict(model, instances=body["instances"], signature=body.get("signature_name", ""))
        for model, body in asked
    ]


async def flood(rest: str, asked: list, answers: list, clients: int, seconds: float) -> dict:
    """What became of the requests of `clients` that ask again and again for `seconds`."""
    times, failures = [], []
    end = time.perf_counter() + seconds

    async def ask(session: aiohttp.ClientSession, number: int) -> None:
        rng = random.Random(number)
        while time.perf_counter() < end:
            which = rng.randrange(len(asked))
            model, body = asked[which]
            began = time.perf_counter()
            try:
                async with session.post(f"{rest}/v1/models/{model}:predict", json=body) as got:
                    said = await got.json()
            except (aiohttp.ClientError, TimeoutError) as error:
                failures.append(f"{model}: {error!r}")
                continue
            times.append(time.perf_counter() - began)
            if not same(said.get("predictions"), answers[which]):
                failures.append(f"{model}: {str(said)[:200]}")

    connector = aiohttp.TCPConnector(limit=clients)
    timeout = aiohttp.ClientTimeout(total=120)
    began = time.perf_counter()
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        await asyncio.gather(*(ask(session, number) for number in range(clients)))
    took = time.perf_counter() - began
    ordered = sorted(times)
    return {
        "clients": clients,
        "answers": len(times) - len([f for f in failures if "predictions" in f]),
        "failures": len(failures),
        "examples": failures[:3],
        "per_second": len(times) / took,
        "p50_ms": statistics.median(ordered) * 1e3,
        "p99_ms": ordered[math.ceil(0.99 * len(ordered)) - 1] * 1e3,
    }
