"""The server: both protocols on one event loop, a look at the folder now and then, a stop that waits."""

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from kerasrnn import cores
from kerasrnn.errors import UserError
from kerasrnn.serving import rest, rpc
from kerasrnn.serving.batcher import Batcher
from kerasrnn.serving.desk import Desk, Limits
from kerasrnn.serving.shelf import Shelf


@dataclasses.dataclass(frozen=True)
class Options:
    """How to serve a folder."""

    host: str = "127.0.0.1"  # the address to listen on
    rest_port: int = 8501  # 0 takes a free one
    grpc_port: int = 8500  # 0 takes a free one
    batch: int = 64  # rows answered together at most; 1 answers each request alone
    batch_seconds: float = 0.005  # that a request waits for others at most
    look_seconds: float = 1.0  # between looks at the folder
    limits: Limits = dataclasses.field(default_factory=Limits)


def say(line: str) -> None:
    """A line for whoever runs the server."""
    print(line, file=sys.stderr, flush=True)


def serve(folder: Path, options: Options, ready: Callable[[int, int], None]) -> None:
    """Serve until SIGINT or SIGTERM; what is under way then is answered.

    Args:
        ready: called with the two ports (REST, gRPC) once requests are taken.
    Raises:
        UserError: if the folder holds no model that loads, or a port is taken.
    """
    shelf = Shelf(folder, say)
    shelf.look()
    if not shelf.names():
        raise UserError(f"No model in {folder} can be loaded.")
    if asyncio.run(_until_stopped(Server(shelf, options), ready)):
        say("A run that outlived its request is given up.")
        sys.stdout.flush()
        os._exit(0)  # Python would wait for its thread


class Server:
    """Both protocols on a shelf, within the event loop that starts it.

    Attributes:
        rest_port, grpc_port: where it listens, once it has started.
    """

    def __init__(self, shelf: Shelf, options: Options):
        self._options, self._shelf = options, shelf
        self.rest_port, self.grpc_port = options.rest_port, options.grpc_port

    async def start(self) -> None:
        """Take requests.

        Raises:
            UserError: if a port is taken.
        """
        options = self._options
        self._batcher = Batcher(options.batch, options.batch_seconds, cores.allowed(), say)
        desk = Desk(self._shelf, self._batcher, options.limits)
        try:
            self._rest, self.rest_port = await rest.start(desk, options.host, options.rest_port)
        except OSError as error:
            raise UserError(f"Cannot listen on {options.host}, REST: {error.strerror}.") from None
        try:
            self._grpc, self.grpc_port = await rpc.start(desk, options.host, options.grpc_port)
        except RuntimeError:
            await self._rest.cleanup()
            raise UserError(
                f"Cannot listen on {options.host}, gRPC: port {options.grpc_port} is taken or "
                "not allowed; choose another with --grpc-port."
            ) from None

    async def watch(self) -> None:
        """Look at the folder in a thread, again and again; requests go on while a version loads."""
        while True:
            await asyncio.sleep(self._options.look_seconds)
            await asyncio.to_thread(self._shelf.look)

    async def stop(self) -> bool:
        """Take no more requests, and answer those under way; whether one outlived its time and still runs."""
        await asyncio.gather(self._rest.cleanup(), self._grpc.stop(self._options.limits.seconds))
        return self._batcher.close()


async def _until_stopped(server: Server, ready: Callable[[int, int], None]) -> bool:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    await server.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    watching = asyncio.create_task(server.watch())
    stopping = asyncio.create_task(stop.wait())
    ready(server.rest_port, server.grpc_port)
    await asyncio.wait([watching, stopping], return_when=asyncio.FIRST_COMPLETED)
    for number in (signal.SIGINT, signal.SIGTERM):  # a second one ends at once
        loop.remove_signal_handler(number)
    say("Stopping: requests under way are answered, no more are taken.")
    busy = await server.stop()
    for task in (watching, stopping):
        task.cancel()
    if watching.done() and not watching.cancelled():
        watching.result()
    return busy
