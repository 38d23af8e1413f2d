"""Sound written by the compiled loop, held to the network as it was trained."""

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.builders import sample_rnn, wavenet
from kerasrnn.decoders import draws
from kerasrnn.decoders.sampling import sample
from kerasrnn.decoders.sounds import SoundWriter


def naive(network, writer, given, uniforms, temperature, inputs) -> np.ndarray:
    """Each sample drawn from the network over all before it, computed anew: (B, N)."""
    codes = given
    for n in range(uniforms.shape[1]):
        more = np.concatenate([codes, np.zeros_like(codes[:, :1])], axis=1)
        logits = writer.logits(network(inputs | {"samples": more})[:, -1])
        code = sample(logits, uniforms[:, n], temperature=temperature)
        codes = np.concatenate([codes, code.numpy()[:, None]], axis=1)
    return codes[:, given.shape[1] :]


@pytest.fixture(params=["wavenet", "sample_rnn"])
def network(request):
    if request.param == "wavenet":
        network = wavenet(dilations=3, channels=6, skip=6, hidden=8, classes=2)
    else:
        network = sample_rnn(
            "gru", units=6, frame=4, hidden=8, classes=2, outputs="logistics", components=3
        )
    rng = np.random.default_rng(3)
    for variable in network.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.3, variable.shape))
    return network


def test_the_loop_writes_what_naive_recomputation_writes_block_after_block(network):
    writer = SoundWriter(network)
    given = np.random.default_rng(0).integers(0, 256, (2, 5)).astype("int32")
    inputs, seeds = {"class": np.array([0, 1])}, [5, 6]
    wanted = naive(network, writer, given, draws(seeds, 14), 0.9, inputs)
    pieces = list(writer.blocks(tf.constant(given), seeds, 14, 0.9, inputs, block=6))
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), wanted)
    assert len(np.unique(wanted)) > 5


def test_a_sound_depends_on_its_own_seed_and_class_and_not_on_its_neighbours(network):
    writer = SoundWriter(network)
    quiet = tf.fill([1, 3], 128)
    alone = np.concatenate(
        list(writer.blocks(quiet, [4], 24, 1.0, {"class": np.array([1])}, 12)), axis=1
    )
    many = writer.blocks(
        tf.repeat(quiet, 3, axis=0), [9, 4, 4], 24, 1.0, {"class": np.array([1, 1, 0])}, 12
    )
    many = np.concatenate(list(many), axis=1)
    np.testing.assert_array_equal(many[1], alone[0])
    assert (many[0] != alone[0]).any()
    assert (many[2] != alone[0]).any()


def test_a_row_of_draws_is_the_same_made_piece_by_piece():
    whole = draws([3, -1], 40).numpy()
    for first, steps in ((0, 7), (7, 6), (13, 27), (39, 1)):
        piece = draws([3, -1], steps, first).numpy()
        np.testing.assert_array_equal(piece, whole[:, first : first + steps])


def test_a_local_condition_holds_for_its_hop():
    network = wavenet(dilations=2, channels=4, skip=4, hidden=6, local=2, hop=5)
    for variable in network.trainable_variables:
        variable.assign(variable * 4)
    writer, seeds = SoundWriter(network), [1, 2]
    local = np.random.default_rng(1).normal(0, 3, (2, 4, 2)).astype("f")
    given = np.full((2, 1), 128, "int32")
    found = list(writer.blocks(tf.constant(given), seeds, 15, 1.0, {"local": local}, 6))
    codes = given
    for n in range(15):
        more = np.concatenate([codes, codes[:, :1]], axis=1)
        logits = network({"samples": more, "local": local})[:, -1]
        code = sample(logits, draws(seeds, 15)[:, n]).numpy()
        codes = np.concatenate([codes, code[:, None]], axis=1)
    np.testing.assert_array_equal(np.concatenate(found, axis=1), codes[:, 1:])
