"""With JAX, a model of the builders on two devices learns what it learns on one."""

import json
import os
import subprocess
import sys

import pytest

from kerasrnn.errors import UserError
from kerasrnn.training import data_parallel

SCRIPT = """
import json, sys
import jax, keras, numpy as np
from kerasrnn import builders
from kerasrnn.training import data_parallel

if sys.argv[1] == "2":
    assert len(data_parallel().device_mesh.devices) == 2
assert "tensorflow" not in sys.modules  # Keras' own seeding loads it
keras.utils.set_random_seed(1)
model = builders.many_to_one("lstm", units=[5, 4], features=3, classes=2, bidirectional="concat")
model.compile(keras.optimizers.Adam(0.01, global_clipnorm=0.1), "mse")
rng = np.random.default_rng(0)
x, y = (rng.normal(size=size).astype("float32") for size in ((24, 6, 3), (24, 2)))
model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
assert len(model.weights[0].value.devices()) == int(sys.argv[1])
print(json.dumps([np.asarray(w).ravel().tolist() for w in model.weights]))
"""


def test_two_devices_give_the_weights_of_one():
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    found = []
    for count in "12":
        words = [sys.executable, "-c", SCRIPT, count]
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    for one, two in zip(*found, strict=True):
        assert two == pytest.approx(one, abs=1e-5)


def test_on_another_backend_it_is_refused():
    with pytest.raises(UserError, match=r"KERAS_BACKEND=jax, got tensorflow; .* --distribute"):
        data_parallel()
