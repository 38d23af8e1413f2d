"""What a training runs on, and how much memory it took."""

import resource
import sys
from collections import Counter

import tensorflow as tf

from kerasrnn import cores

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of what getrusage counts


def told(model) -> str:
    """The first line of a training: device, and how much is learnt on it."""
    names = Counter(
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    )
    on = [f"{count} {name}" for name, count in names.items()]
    count = cores.allowed()
    on.append(f"{count} CPU core" + ("s" if count > 1 else ""))
    precision = model.dtype_policy.name
    count = sum(int(tf.size(v.value)) for v in model.trainable_variables)
    return f"{count:,} weights in {precision} on {' and '.join(on)}."


def peak_memory() -> dict[str, int]:
    """Bytes that this process held at most, and on its first GPU where there is one."""
    peak = {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT}
    if tf.config.list_logical_devices("GPU"):
        peak["gpu_peak_bytes"] = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return peak
