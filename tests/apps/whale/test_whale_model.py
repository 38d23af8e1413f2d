"""The detector's networks and their numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.apps import whale
from kerasrnn.apps.whale.data import Assets
from kerasrnn.data.features import Statistics
from kerasrnn.errors import UserError
from kerasrnn.settings import replace

TINY = whale.PRESETS["tiny"]
PLAIN = Assets(Statistics(np.zeros(TINY.bands, np.float32), np.ones(TINY.bands, np.float32)))


@pytest.mark.parametrize("network", ["recurrent", "cnn", "logistic"])
@pytest.mark.parametrize("pool", ["last", "mean", "attention"])
def test_every_network_answers_once_for_a_window(network, pool):
    if network != "recurrent" and pool != "last":
        pytest.skip("its pool is its own")
    config = replace(TINY, network=network, pool=pool, filters=0 if pool == "mean" else 4)
    model = whale.build(config, PLAIN)
    assert model(tf.zeros((3, TINY.frames, TINY.bands))).shape == (3, 1)


def test_the_mean_of_states_is_their_mean_and_attention_a_weighted_one():
    model = whale.build(TINY, PLAIN)
    x = tf.random.stateless_normal((2, TINY.frames, TINY.bands), (1, 2))
    parts = keras.Model(
        model.input, [model.get_layer(n).output for n in ("gru_1", "attention", "attended")]
    )
    states, shares, pooled = parts(x)
    np.testing.assert_allclose(shares.numpy().sum(1), 1, rtol=1e-5)
    wanted = np.einsum("bto,bth->boh", shares, states)
    np.testing.assert_allclose(pooled, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hop": 0.3}, "`seconds` must be a whole multiple of 0.3 s"),
        ({"hop": 0.26}, "`hop` must be a whole multiple of 0.025 s"),
        ({"hop": 0.05}, "`hop` must last a frame"),
        ({"high": 1200.0}, "rate / 2"),
        ({"frame_step": 300}, "`frame_step` < `frame_length`"),
        ({"cell": "output_rnn"}, "leave the answer to the pool"),
        ({"units": ()}, "at least one layer"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(change, said):
    with pytest.raises(UserError, match=said):
        replace(TINY, **change)
