"""A toy to serve, and a server of it in this process."""

import asyncio
import threading

import pytest
import tensorflow as tf

from kerasrnn.export.saved_model import export
from kerasrnn.serving.server import Options, Server
from kerasrnn.serving.shelf import Shelf


def function(**specs):
    """Decorates a method as a signature of these inputs, {name: (kind, shape)}."""
    signature = [tf.TensorSpec(shape, kind, name) for name, (kind, shape) in specs.items()]
    return tf.function(input_signature=signature, autograph=False)


class Toy(tf.Module):
    """One signature for each way to be served.

    serving_default: rows in, rows out. scalar: no rows. ragged: a free axis comes out. unlike: says that
    it answers row by row, and does not. slow: counts. kinds: every kind that JSON carries.
    """

    def __init__(self, factor: float):
        super().__init__()
        self.factor = tf.Variable(factor)

    @function(x=(tf.float32, [None, 2]), word=(tf.string, [None]))
    def default(self, x, word):
        good = tf.debugging.Assert(tf.reduce_all(x >= 0), ["x must not be negative"])
        with tf.control_dependencies([good]):
            y = self.factor * tf.reduce_sum(x, 1)
        return {"y": y, "word": word, "word_bytes": word + b"\xff"}

    @function(n=(tf.int32, []))
    def scalar(self, n):
        return {"next": n + 1}

    @function(x=(tf.float32, [None, None]))
    def ragged(self, x):
        return {"same": x}

    @function(x=(tf.int64, [None]))
    def unlike(self, x):
        return {"y": tf.unique(x).y}

    @function(count=(tf.int32, [None]))
    def slow(self, count):
        most = tf.reduce_max(count)
        end = tf.while_loop(lambda i: i < most, lambda i: [i + 1], [tf.constant(0)])[0]
        return {"counted": tf.minimum(count, end)}

    @function(flag=(tf.bool, [None]), whole=(tf.int64, [None]), small=(tf.uint8, [None]))
    def kinds(self, flag, whole, small):
        return {"flag": ~flag, "whole": -whole, "small": small + tf.constant(1, tf.uint8)}

    @property
    def endpoint(self) -> dict:
        names = ("scalar", "ragged", "unlike", "slow", "kinds")
        return {"serving_default": self.default, "module": self} | {
            name: getattr(self, name) for name in names
        }


QUESTION = {"signature": "serving_default", "inputs": {"x": [[1.0, 2.0]], "word": ["a"]}}


def write_toy(folder, factor: float = 2.0):
    """The next version of the toy; it answers `factor` times the sum of x."""
    from kerasrnn.export import saved_model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved_model, "_compare", lambda *_: None)  # tests/export is about that
        return export(Toy(factor).endpoint, [QUESTION], folder, add_version=True)


@pytest.fixture(scope="session")
def toy():
    """folder, factor -> a new version of the toy there."""
    return write_toy


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder of two toys."""
    folder = tmp_path_factory.mktemp("toys")
    write_toy(folder / "double")
    write_toy(folder / "triple", 3.0)
    return folder


class Running:
    """A server in a thread of this process."""

    def __init__(self, folder, options: Options):
        self.said = []
        self.shelf = Shelf(folder, self.said.append)
        self.shelf.look()
        self.server = Server(self.shelf, options)
        self._stop, self._ready = asyncio.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self):
        self._loop = asyncio.get_running_loop()
        await self.server.start()
        self._ready.set()
        await self._stop.wait()
        await self.server.stop()

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(60)
        self.rest = f"http://127.0.0.1:{self.server.rest_port}"
        self.grpc = f"127.0.0.1:{self.server.grpc_port}"
        return self

    def watch(self):
        """Look at the folder from here on, as the command does."""
        asyncio.run_coroutine_threadsafe(self.server.watch(), self._loop)

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.fixture(scope="session")
def running():
    """folder, more of `Options` -> a server, as a context."""
    return lambda folder, **more: Running(folder, Options(rest_port=0, grpc_port=0, **more))


@pytest.fixture(scope="module")
def served(models, running):
    """The two toys, served."""
    with running(models) as server:
        yield server
