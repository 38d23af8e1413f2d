"""A loop as one GPU kernel: run by Pallas' interpreter, and handed to Triton, neither of which needs a GPU."""

import json
import os
import subprocess
import sys

import pytest

from kerasrnn import layers

# cell, options, batch, whether there is a mask, whether it goes backwards
CASES = [
    ("lstm", {}, 16, False, False),
    ("lstm", {"layer_norm": True}, 1, True, False),
    ("lstm", {"zoneout": 0.2}, 20, False, True),
    ("lstm", {"recurrent_dropout": 0.3}, 3, True, True),
    ("lstm", {"update_dropout": 0.3, "use_bias": False}, 3, False, False),
    ("gru", {}, 33, True, False),
    ("gru", {"layer_norm": True, "zoneout": 0.1}, 16, False, False),
    ("simple_rnn", {"activation": "relu"}, 3, True, True),
    ("simple_rnn", {"activation": "softsign"}, 3, False, False),
    ("leaky_rnn", {}, 5, False, False),
]
SCRIPT = """
import json, sys
import jax, numpy as np
from jax import numpy as jnp
from kerasrnn import cells, layers
from kerasrnn.recurrence import jax_kernel

written = jax_kernel.scan
jax_kernel.lacks = lambda units: None
runs = []

def interpreted(*arguments):
    runs.append(arguments)
    return written(*arguments, interpret=True)

def case(name, options, batch, masked, backwards, units=16):
    rng = np.random.default_rng(0)
    layer = layers.Recurrent(
        cells.get(name, units, **options), return_sequences=True, return_state=True, go_backwards=backwards
    )
    layer.build((batch, 5, 4))
    x, y = (jnp.asarray(rng.normal(size=(batch, 5, n)), "float32") for n in (4, units))
    mask = jnp.asarray(rng.random((batch, 5)) > 0.3) if masked else None
    fixed = [v.value for v in layer.non_trainable_variables]

    def loss(weights, x):
        outputs, *states = layer.stateless_call(weights, fixed, x, mask=mask, training=True)[0]
        return (outputs * y).sum() + sum((state**2).sum() for state in states), outputs

    return layer, loss, [v.value for v in layer.trainable_variables], x

def both(layer, function, *arguments):
    layer.route = "loop"
    expected = jax.jit(lambda *a: function(*a))(*arguments)
    layer.route, count = "kernel", len(runs)
    found = jax.jit(lambda *a: function(*a))(*arguments)
    assert len(runs) > count
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * max(1, np.abs(b).max()))

given = json.loads(sys.argv[1])
jax_kernel.scan = interpreted
for one in given:
    layer, loss, weights, x = case(*one)
    both(layer, jax.value_and_grad(loss, argnums=(0, 1), has_aux=True), weights, x)
layer, loss, weights, x = case(*given[2])
both(layer, lambda w, x: loss(w, x)[0], weights, x)  # no gradient: only the outputs are written

layer, loss, weights, x = case(*given[0])
slope = jax.grad(lambda x: loss(weights, x)[0])
both(layer, jax.grad(lambda x: (slope(x) ** 2).sum()), x)

layer, loss, weights, x = case("peephole_lstm", {}, 3, False, False)
layer.route = "kernel"
try:
    jax.grad(loss, has_aux=True)(weights, x)
    raise AssertionError
except ValueError as error:
    assert "`route` 'kernel' cannot sum over the batch" in str(error), error

jax_kernel.scan = written
states = (jnp.ones((16, 16)),)
def looping(carry, step):  # what a cell's step may do, and a kernel's may not
    h = jax.lax.fori_loop(0, 3, lambda _, h: h + 1, carry[0] + step["z"][0])
    return (h,), (h,)
try:
    jax_kernel.scan(looping, states, {"z": (jnp.ones((4, 16, 16)), 1)}, False, interpret=True)
    raise AssertionError
except ValueError as error:
    assert "`route` 'kernel' cannot do " in str(error), error

device = jax.sharding.AbstractDevice("NVIDIA H100 80GB HBM3", 132, "gpu")
axis = (1,), ("one",), (jax.sharding.AxisType.Explicit,)
mesh = jax.sharding.AbstractMesh(*axis, abstract_device=device)
for one, units in ((given[0], 16), (given[1], 32), (given[2], 64), (given[5], 32)):
    layer, loss, weights, x = case(*one, units=units)
    layer.route = "kernel"
    step = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))
    with jax.sharding.use_abstract_mesh(mesh):
        program = step.trace(weights, x).lower(lowering_platforms=("cuda",)).as_text()
    assert program.count("@__gpu$xla.gpu.triton") == 2, program[:2000]
"""


def _on_jax(script: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_it_computes_what_the_loop_computes_and_triton_takes_it():
    pytest.importorskip("jax.experimental.pallas.triton", reason="this JAX has no Triton")
    _on_jax(SCRIPT, json.dumps(CASES))


def test_it_says_why_it_cannot_run_here():
    with pytest.raises(ValueError, match="'kernel' cannot run here: kernels are JAX's, got tensor"):
        layers.LSTM(16, route="kernel").plan((2, 3, 4))
    found = _on_jax(
        "from kerasrnn import layers\n"
        "try:\n    layers.LSTM(16, route='kernel').plan((2, 3, 4))\n"
        "except ValueError as error:\n    print(error)\n"
        "print(layers.LSTM(16).plan((2, 3, 4)).route)"
    )
    assert "an NVIDIA GPU" in found or "several GPUs" in found
    assert found.endswith("loop\n")
