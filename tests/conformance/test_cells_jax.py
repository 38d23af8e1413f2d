"""The same numbers on JAX, where TensorFlow is not even imported."""

import json
import os
import subprocess
import sys

import numpy as np

from kerasrnn import cells, layers

KERAS = ("lstm", "gru", "simple_rnn")
OPTIONS = ({}, {"layer_norm": True}, {"zoneout": 0.2}, {"activation": "softsign"})
CASES = [(name, option) for name in KERAS for option in OPTIONS] + [
    ("leaky_rnn", {"tau": 3.0, "learn_tau": True}),
    ("structured_rnn", {"learn_alpha": True}),
    ("output_rnn", {"classes": 3}),
    ("time_delay", {}),
    ("lstm_fgr", {"projection": 3}),
]
BOTH_WAYS = [("lstm", {}), ("gru", {"layer_norm": True}), ("simple_rnn", {"zoneout": 0.2})]
SCRIPT = """
import json, sys
import jax, keras, numpy as np
from kerasrnn import cells, layers
given = np.load(sys.argv[1])
found = {}
for name, option in json.loads(sys.argv[3]):
    cell = cells.get(name, 4, **option)
    rnn = layers.Recurrent(cell, return_sequences=True)
    rnn.build(given["x"].shape)
    key = f"{name} {option}"
    count = len(cell.trainable_weights)
    weights = [given[f"{key} {k}"] for k in range(count)]
    fixed = [v.value for v in rnn.non_trainable_variables]
    def loss(weights, x):
        y, _ = rnn.stateless_call(weights, fixed, x, mask=given["mask"])
        return jax.numpy.sum(jax.numpy.sin(y)), y
    (_, y), d = jax.jit(jax.value_and_grad(loss, has_aux=True))(weights, given["x"])
    found |= {f"{key} y": y, **{f"{key} d{k}": g for k, g in enumerate(d)}}
grid = layers.GridLSTM(3)
grid.build(given["pixels"].shape)
grid.set_weights([given[f"grid {k}"] for k in range(12)])
found["grid"] = grid(given["pixels"], mask=given["there"])
looks = layers.SoftAttention(cells.get("lstm", 4), True)
looks.build([given[name].shape for name in ("x", "places", "keys")])
looks.set_weights([given[f"looks {k}"] for k in range(8)])
states = [np.zeros((3, size), "float32") for size in (4, 4, 5)]
inputs = [given[name] for name in ("x", "places", "keys")]
found["looks"] = looks(inputs, initial_state=states, mask=given["mask"])[0]

class Scaled(cells.GateCell):
    gates = 1

    def build(self, shape):
        super().build(shape)
        self.share = self.add_weight((), "ones", trainable=False, name="share")

    def gate(self, z, r, states):
        h = keras.ops.tanh(z + r * keras.ops.cast(self.share, z.dtype))
        return h, (h,)

rnn = layers.Recurrent(Scaled(4), return_sequences=True)
rnn.build(given["x"].shape)
def said(weights, share):
    fixed = [share if v is rnn.cell.share else v.value for v in rnn.non_trainable_variables]
    return jax.numpy.sum(rnn.stateless_call(weights, fixed, given["x"])[0] ** 2)
weights = [v.value for v in rnn.trainable_variables]
one, none = (jax.jit(jax.value_and_grad(said))(weights, np.float32(share)) for share in (1, 0))
assert abs(one[0] - none[0]) > 1e-3  # what does not learn is read all the same
assert np.abs(none[1][1]).max() == 0 < np.abs(one[1][1]).max()  # U has no part in it, or has one
frozen = layers.Recurrent(cells.get("peephole_lstm", 4))
model = keras.Sequential([keras.layers.Dense(3), frozen, keras.layers.Dense(1)])
frozen.trainable = False
model.compile("sgd", "mse")
model.fit(given["x"], np.zeros((3, 1)), verbose=0)
assert "tensorflow" not in sys.modules  # which Keras imports, where it is there, to serialise
for name, option in json.loads(sys.argv[4]):
    layer = layers.Recurrent(cells.get(name, 4, **option), return_sequences=True)
    for rows, together in ((3, True), (1, None)):  # one sequence is one loop anyway
        both = layers.Bidirectional(layer, together=together)
        both.build(given["x"].shape)
        assert both.plan((rows, 6, 3)).together
        weights = [given[f"both {name} {k}"] for k in range(len(both.trainable_weights))]
        fixed = [v.value for v in both.non_trainable_variables]
        def loss(weights):
            mask = given["mask"][:rows]
            y, _ = both.stateless_call(weights, fixed, given["x"][:rows], mask=mask)
            return jax.numpy.sum(jax.numpy.sin(y)), y
        (_, y), d = jax.jit(jax.value_and_grad(loss, has_aux=True))(weights)
        found |= {f"both {name} {rows} {k}": value for k, value in enumerate((y, *d))}
np.savez(sys.argv[2], **found)
"""


def test_jax_and_tensorflow_agree(tmp_path):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    given = {"x": rng.normal(size=(3, 6, 3)).astype("float32"), "mask": rng.random((3, 6)) > 0.4}
    given["pixels"] = rng.normal(size=(2, 3, 4, 2)).astype("float32")
    given["there"] = rng.random((2, 3, 4)) > 0.2
    expected = {}
    for name, option in CASES:
        cell, key = cells.get(name, 4, **option), f"{name} {option}"
        rnn = layers.Recurrent(cell, return_sequences=True, route="loop")
        rnn.build(given["x"].shape)
        for k, weight in enumerate(cell.trainable_weights):
            weight.assign(weight + 0.3 * rng.normal(size=weight.shape))
            given[f"{key} {k}"] = weight.numpy()
        with tf.GradientTape() as tape:
            y = rnn(given["x"], mask=tf.constant(given["mask"]))
            loss = tf.reduce_sum(tf.sin(y))
        gradients = tape.gradient(loss, [w.value for w in cell.trainable_weights])
        expected[f"{key} y"] = y
        expected |= {f"{key} d{k}": g for k, g in enumerate(gradients)}
    for name, option in BOTH_WAYS:
        layer = layers.Recurrent(cells.get(name, 4, **option), return_sequences=True, route="loop")
        both = layers.Bidirectional(layer, together=False)
        both.build(given["x"].shape)
        for k, weight in enumerate(both.trainable_weights):
            weight.assign(weight + 0.3 * rng.normal(size=weight.shape))
            given[f"both {name} {k}"] = weight.numpy()
        for rows in (3, 1):
            with tf.GradientTape() as tape:
                y = both(given["x"][:rows], mask=tf.constant(given["mask"][:rows]))
                loss = tf.reduce_sum(tf.sin(y))
            gradients = tape.gradient(loss, [w.value for w in both.trainable_weights])
            expected |= {f"both {name} {rows} {k}": v for k, v in enumerate((y, *gradients))}
    grid = layers.GridLSTM(3)
    expected["grid"] = grid(given["pixels"], mask=given["there"])
    given |= {f"grid {k}": w for k, w in enumerate(grid.get_weights())}
    given["places"] = rng.normal(size=(3, 5, 2)).astype("float32")
    given["keys"] = rng.normal(size=(3, 5, 3)).astype("float32")
    looks = layers.SoftAttention(cells.get("lstm", 4), by_input=True)
    states = [np.zeros((3, size), "float32") for size in (4, 4, 5)]
    inputs = [given[name] for name in ("x", "places", "keys")]
    expected["looks"] = looks(inputs, initial_state=states, mask=given["mask"])[0]
    given |= {f"looks {k}": w for k, w in enumerate(looks.get_weights())}
    np.savez(tmp_path / "given.npz", **given)
    files = tmp_path / "given.npz", tmp_path / "found.npz"
    command = [sys.executable, "-c", SCRIPT, *files, json.dumps(CASES), json.dumps(BOTH_WAYS)]
    subprocess.run(command, check=True, env={**os.environ, "KERAS_BACKEND": "jax"})
    found = np.load(tmp_path / "found.npz")
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=1e-4, rtol=1e-4, err_msg=key)
