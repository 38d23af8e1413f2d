import keras
import numpy as np
import pytest
from keras import ops

from kerasrnn import cells, layers
from tests.oracles import recurrent_cells

B, T, D, H = 3, 6, 4, 5


class MinimalGatedCell(cells.GateCell):
    """Zhou et al. 2016: one gate decides what to forget and what to write."""

    gates = 2
    states = ("h",)

    def gate(self, z, r, states):
        zf, zc = ops.split(z, 2, axis=-1)
        rf, rc = ops.split(r, 2, axis=-1)
        f = ops.sigmoid(zf + rf)
        c = ops.tanh(zc + f * rc)
        h = (1 - f) * states.h + f * c
        return h, (h,)


def draw(cell):
    rng = np.random.default_rng(0)
    for weight in cell.trainable_weights:
        weight.assign(weight + 0.3 * rng.normal(size=weight.shape))
    return [np.asarray(w) for w in cell.trainable_weights]


def batch(seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(B, T, D)).astype("float32"), rng.random((B, T)) > 0.4


@pytest.mark.parametrize("options", [{}, {"layer_norm": True}, {"zoneout": 0.3}], ids=str)
@pytest.mark.parametrize("name", ["lstm", "gru", "simple_rnn"])
def test_a_cell_is_its_equation(name, options):
    cell = cells.get(name, H, **options)
    cell.build((None, D))
    weights = draw(cell)
    x, mask = batch()
    layer = layers.Recurrent(cell, return_sequences=True, return_state=True)
    outputs, *states = layer(x, mask=ops.convert_to_tensor(mask))
    expected, final = recurrent_cells.run(name, x, weights, mask, **options)
    np.testing.assert_allclose(outputs, expected, atol=2e-5)
    np.testing.assert_allclose(np.stack(states), final, atol=2e-5)


def test_an_own_cell_is_only_its_gate_and_gets_every_option():
    x, mask = batch()
    cell = MinimalGatedCell(H, zoneout=0.1, layer_norm=True)
    fast = layers.Recurrent(cell, return_sequences=True)
    slow = keras.layers.RNN(cell, return_sequences=True)
    mask = ops.convert_to_tensor(mask)
    np.testing.assert_allclose(fast(x, mask=mask), slow(x, mask=mask), atol=1e-5)
    assert fast.plan((None, T, D)).route == "cluster"


def test_a_cell_comes_by_name_by_class_or_as_it_is():
    cell = cells.get("gru", 3, reset_after=False)
    assert isinstance(cell, cells.GRUCell)
    assert not cell.gate_form
    assert cells.get(cell) is cell
    assert cells.get(cells.LSTMCell, 2).units == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"cell": "lstn", "units": 3}, "must be one of"),
        ({"cell": "lstm"}, "`units` must be given"),
        ({"cell": "lstm", "units": 0}, "positive integer"),
        ({"cell": "lstm", "units": 2, "zoneout": 1.5}, "must be in"),
    ],
)
def test_a_wrong_cell_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        cells.get(**arguments)


def test_zoneout_keeps_that_share_of_the_units():
    cell = cells.get("simple_rnn", 400, zoneout=0.25, seed=1)
    x = np.random.default_rng(0).normal(size=(2, 1, D)).astype("float32")
    start = [ops.full((2, 400), 9.0)]
    h = np.asarray(layers.Recurrent(cell)(x, initial_state=start, training=True))
    assert 0.2 < (h == 9).mean() < 0.3
