"""Networks over samples of sound on JAX, without TensorFlow: the same numbers, and by steps."""

import os
import subprocess
import sys

import numpy as np

from kerasrnn.builders import sample_rnn, wavenet
from kerasrnn.losses.mixture_of_logistics import log_probability

COMMON = {"levels": 16, "hidden": 5, "classes": 2, "outputs": "logistics", "components": 2}
NETWORKS = {
    "wavenet": (wavenet, {"dilations": 2, "kernel_size": 3, "channels": 3, "skip": 4}),
    "sample_rnn": (sample_rnn, {"units": 4, "frame": 3, "embedding_size": 2}),
}
SCRIPT = """
import sys
import jax, keras, numpy as np
from kerasrnn import builders
from kerasrnn.losses.mixture_of_logistics import log_probability
given, found = np.load(sys.argv[1], allow_pickle=False), {}
codes, kinds = given["codes"], given["kinds"]
for name, knobs in eval(sys.argv[3]).items():
    network = getattr(builders, name)(**knobs)
    network.set_weights([given[f"{name} {k}"] for k in range(len(network.weights))])
    whole = network({"samples": codes, "class": kinds})
    states, y, before = network.start(2), network.conditioning({"class": kinds}), np.full(2, 8)
    step = jax.jit(network.step)
    for t in range(codes.shape[1]):
        row, states = step(before, states, y[:, 0])
        np.testing.assert_allclose(row, whole[:, t], atol=1e-5)
        before = codes[:, t]
    found |= {name: whole, f"{name} loss": log_probability(whole, codes, 16)}
assert "tensorflow" not in sys.modules
np.savez(sys.argv[2], **found)
"""


def test_networks_over_samples_agree_on_jax_and_tensorflow_and_step_by_step(tmp_path):
    rng, expected = np.random.default_rng(0), {}
    given = {"codes": rng.integers(0, 16, (2, 10)).astype("int32"), "kinds": np.int32([0, 1])}
    for name, (make, knobs) in NETWORKS.items():
        network = make(**COMMON, **knobs)
        network.set_weights([w + rng.normal(0, 0.3, w.shape) for w in network.get_weights()])
        given |= {f"{name} {k}": w for k, w in enumerate(network.get_weights())}
        expected[name] = network({"samples": given["codes"], "class": given["kinds"]})
        expected[f"{name} loss"] = log_probability(expected[name], given["codes"], 16)
    np.savez(tmp_path / "given.npz", **given)
    files = tmp_path / "given.npz", tmp_path / "found.npz"
    knobs = repr({name: COMMON | own for name, (_, own) in NETWORKS.items()})
    command = [sys.executable, "-c", SCRIPT, *map(str, files), knobs]
    subprocess.run(command, check=True, env={**os.environ, "KERAS_BACKEND": "jax"})
    found = np.load(tmp_path / "found.npz")
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=1e-4, rtol=1e-4, err_msg=key)
