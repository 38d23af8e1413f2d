"""Requests that are alike, answered together: their rows concatenated, run once, and split again."""

import asyncio
import collections
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from kerasrnn.serving.model import Signature

Arrays = dict[str, np.ndarray]


@dataclass(eq=False)
class Waiting:
    """A request in a queue: its inputs, how many rows they have, and where its answer goes."""

    inputs: Arrays
    rows: int
    answer: asyncio.Future


class Batcher:
    """Runs signatures in threads, and collects what can be run together.

    Args:
        largest: rows of a batch; 1 answers every request alone.
        wait: seconds that the first of a batch waits for others at most. While every thread is busy, more are
            collected meanwhile.
        threads: runs at a time.
        say: called with a line when a signature turns out not to answer row by row.
    """

    def __init__(self, largest: int, wait: float, threads: int, say: Callable[[str], None]):
        self._largest, self._wait, self._say = largest, wait, say
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="model")
        self._free = asyncio.Semaphore(threads)
        self._queues: dict[tuple, collections.deque[Waiting]] = {}
        self._full: dict[tuple, asyncio.Event] = {}
        self._tasks: set[asyncio.Task] = set()

    async def ask(self, signature: Signature, inputs: Arrays) -> Arrays:
        """The signature's answer to inputs that it was seen to take.

        Raises:
            Refusal: if the graph refuses them; what it refuses in one request never fails another.
        """
        rows = self._rows(signature, inputs)
        loop = asyncio.get_running_loop()
        waiting = Waiting(inputs, rows, loop.create_future())
        if not rows:
            await self._free.acquire()
            self._begin(self._run(signature, [waiting]))
            return await waiting.answer
        shapes = tuple((name, value.shape[1:]) for name, value in sorted(inputs.items()))
        key = (signature, shapes)
        if key not in self._queues:
            self._queues[key] = collections.deque()
            self._full[key] = asyncio.Event()
            self._begin(self._collect(key))
        queue = self._queues[key]
        queue.append(waiting)
        if sum(other.rows for other in queue) >= self._largest:
            self._full[key].set()
        return await waiting.answer

    def _rows(self, signature: Signature, inputs: Arrays) -> int:
        """Rows of a request that can be answered with others, else 0."""
        if self._largest <= 1 or signature.one_by_one:
            return 0
        rows = {value.shape[0] if value.ndim else 0 for value in inputs.values()}
        return rows.pop() if len(rows) == 1 else 0

    def _begin(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _collect(self, key: tuple) -> None:
        """Batches from one queue, until it is empty."""
        queue, full = self._queues[key], self._full[key]
        while True:
            try:
                async with asyncio.timeout(self._wait):
                    await full.wait()
            except TimeoutError:
                pass  # those that came by now go
            await self._free.acquire()
            batch = self._take(queue)
            self._begin(self._run(key[0], batch))
            if not queue:
                break
            if sum(waiting.rows for waiting in queue) < self._largest:
                full.clear()
        del self._queues[key], self._full[key]

    def _take(self, queue: collections.deque[Waiting]) -> list[Waiting]:
        batch, rows = [], 0
        while queue and (not batch or rows + queue[0].rows <= self._largest):
            waiting = queue.popleft()
            if not waiting.answer.done():  # its client has not given up
                batch.append(waiting)
                rows += waiting.rows
        return batch

    async def _run(self, signature: Signature, batch: list[Waiting]) -> None:
        """Answer a batch in a thread, one by one where it cannot be answered as one; free the thread."""
        try:
            if len(batch) > 1 and await self._together(signature, batch):
                return
            for waiting in batch:
                done = await self._thread(signature, waiting.inputs)
                if waiting.answer.done():
                    continue
                if done.exception() is None:
                    waiting.answer.set_result(done.result())
                else:
                    waiting.answer.set_exception(done.exception())
        finally:
            self._free.release()

    async def _together(self, signature: Signature, batch: list[Waiting]) -> bool:
        """Whether one run answered the whole batch."""
        names = batch[0].inputs
        joined = {name: np.concatenate([one.inputs[name] for one in batch]) for name in names}
        done = await self._thread(signature, joined)
        if done.exception() is not None:
            return False
        outputs, rows = done.result(), sum(one.rows for one in batch)
        for name, value in outputs.items():
            if not value.ndim or len(value) != rows:
                signature.one_by_one = f"`{name}` has {value.shape} for {rows} rows"
                self._say(f"{signature.name} is answered one by one: {signature.one_by_one}.")
                return False
        start = 0
        for one in batch:
            stop = start + one.rows
            if not one.answer.done():
                one.answer.set_result({name: v[start:stop] for name, v in outputs.items()})
            start = stop
        return True

    async def _thread(self, signature: Signature, inputs: Arrays) -> asyncio.Future:
        """The ended future of a run, whatever its end."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, signature, inputs)
        await asyncio.wait([future])
        return future

    def close(self) -> bool:
        """Begin nothing more; whether a run is still under way, which no one waits for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        return bool(self._tasks)
