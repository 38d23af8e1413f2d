"""How the processes of a training find each other: by TF_CONFIG, or begun by the first of them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import tensorflow as tf

from kerasrnn import cores
from kerasrnn.errors import UserError
from kerasrnn.notice import tell
from kerasrnn.training.distribution import Team, Workers

WAYS = "none, mirrored, mirrored:N or multi-worker"
MOST_HERE = 64  # processes of one machine
EXAMPLE = (
    'TF_CONFIG=\'{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}\''
)
FOLLOW = "from kerasrnn.cli.train import follow; follow()"


def gathered(distribute: str) -> Team:
    """The processes that train together; waits until all are there. To be called before TensorFlow has begun.

    Args:
        distribute: "none"; "multi-worker": as the environment's TF_CONFIG says; "mirrored": one process
            for each GPU of this machine, or where it has none each CPU device of TensorFlow's;
            "mirrored:N": N of them.
    Raises:
        UserError: if there is no such way, or the environment does not fit it.
    """
    way, _, count = distribute.partition(":")
    if distribute == "none":
        return Team()
    if distribute == "multi-worker":
        return _joined(*_cluster())
    if way != "mirrored" or not (distribute == way or (count.isdecimal() and int(count))):
        raise UserError(f"`distribute` must be {WAYS}, got {distribute!r}.")
    if count and int(count) > MOST_HERE:
        raise UserError(f"`distribute` must be mirrored:{MOST_HERE} at most, got {distribute!r}.")
    return _mirrored(int(count or _devices()))


def _devices() -> int:
    """GPUs, or CPU devices where there are none."""
    gpus = tf.config.list_physical_devices("GPU")
    (cpu,) = tf.config.list_physical_devices("CPU")
    return len(gpus) or len(tf.config.get_logical_device_configuration(cpu) or [cpu])


def _cluster() -> tuple[list[str], int]:
    """Everyone's address, the chief's first, and which of them is this process."""
    given = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(given)
        cluster, task = config["cluster"], config["task"]
        addresses, chiefs = _addresses(cluster), cluster.get("chief", [])
        number = int(task["index"]) + len(chiefs) * (task["type"] == "worker")
        here = cluster[task["type"]][int(task["index"])]
        if int(task["index"]) < 0 or addresses[number] != here:
            raise ValueError("its task is none of its cluster")
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        reason = f"{given[:200]!r} ({error})" if given else "none"
        raise UserError(
            f"With multi-worker, TF_CONFIG must say who trains and who this is, such as {EXAMPLE}; "
            f"got {reason}."
        ) from None
    return addresses, number


def _addresses(cluster) -> list[str]:
    """Everyone's, the chief's first, in a cluster as JSON gave it.

    Raises:
        ValueError: if it is not {"worker": ["host:port", …]}, with or without a "chief".
    """
    lists = isinstance(cluster, dict) and all(isinstance(some, list) for some in cluster.values())
    if not lists:
        raise ValueError("its cluster is not lists of addresses by name")
    if set(cluster) - {"chief", "worker"}:
        raise ValueError("its cluster has others than `worker` and `chief`")
    addresses = [*cluster.get("chief", []), *cluster.get("worker", [])]
    for address in addresses:
        if not isinstance(address, str) or not re.fullmatch(r"\S+:[0-9]{1,5}", address):
            raise ValueError(f"its cluster has {address!r}, which is not host:port")
    if len(set(addresses)) < len(addresses):
        raise ValueError("its cluster has an address twice")
    return addresses


def _joined(addresses: list[str], number: int, helpers=()) -> Team:
    """The team of all `addresses`, of which this is `number`."""
    if len(addresses) == 1:
        return Team()
    gpus = tf.config.list_physical_devices("GPU")
    if len(gpus) > 1 and not helpers:
        raise UserError(
            f"A process trains on one GPU, but this one sees {len(gpus)}: start one for each, with "
            "CUDA_VISIBLE_DEVICES=0, =1, …"
        )
    cluster = tf.train.ClusterSpec({"worker": addresses})
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        cluster, task_type="worker", task_id=number, rpc_layer="grpc"
    )
    if number == 0:
        tell(f"Waiting for {len(addresses)} processes: {', '.join(addresses)}.")
    try:
        if gpus:
            tf.config.set_visible_devices(gpus[:1], "GPU")
        strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except RuntimeError:
        raise UserError(
            "Training by several processes must begin before TensorFlow has done anything else in this one."
        ) from None
    except (tf.errors.OpError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"The processes do not find each other: {reason}") from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # which the strategy's runtime only notes
    return Workers(strategy, number, helpers)


def _mirrored(count: int) -> Team:
    """This process and others like it, one for each device."""
    if count == 1:
        tell("One device: nothing to distribute.")
        return Team()
    gpus = len(tf.config.list_physical_devices("GPU"))
    if 0 < gpus < count:
        raise UserError(f"There must be a GPU for each of {count} processes, got {gpus}.")
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(count)]
    shared = {} if gpus else {"TF_NUM_INTRAOP_THREADS": str(max(1, cores.allowed() // count))}
    os.environ.update(shared)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus)))).split(",")
    helpers = []
    for number in range(1, count):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}}
        environment = os.environ | {"TF_CONFIG": json.dumps(task)}
        if gpus:
            environment["CUDA_VISIBLE_DEVICES"] = visible[number]
        words = [sys.executable, "-c", FOLLOW]
        # its standard input is open as long as this process lives
        helpers.append(
            subprocess.Popen(
                words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
            )
        )
    return _joined(addresses, 0, helpers)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
