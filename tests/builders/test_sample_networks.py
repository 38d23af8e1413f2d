"""WaveNet and the sample-level RNN: causal, as far-sighted as they say, and the same step by step."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasrnn.builders import sample_rnn, wavenet, widths_for
from kerasrnn.cells import LSTMCell
from kerasrnn.recurrence import portable


@pytest.fixture(autouse=True)
def _nothing_is_compiled_for_each_of_many_sizes():
    with portable():
        yield


COMMON = {
    "levels": st.sampled_from([4, 256]),
    "outputs": st.sampled_from(["softmax", "logistics"]),
    "components": st.integers(1, 3),
    "hidden": st.integers(1, 5),
    "classes": st.sampled_from([0, 3]),
    "local": st.sampled_from([0, 2]),
    "hop": st.integers(1, 7),
}
WAVENETS = st.fixed_dictionaries(
    COMMON
    | {
        "stacks": st.integers(1, 2),
        "dilations": st.integers(1, 3),
        "kernel_size": st.integers(1, 3),
        "channels": st.integers(1, 4),
        "skip": st.integers(1, 4),
    }
)
RNNS = st.fixed_dictionaries(
    COMMON
    | {
        "cell": st.sampled_from(["gru", "lstm", "simple_rnn", "time_delay"]),
        "units": st.sampled_from([3, (2, 4)]),
        "frame": st.integers(1, 6),
        "embedding_size": st.integers(1, 3),
    }
)
NETWORKS = st.tuples(st.just(wavenet), WAVENETS) | st.tuples(st.just(sample_rnn), RNNS)


def inputs_for(network, steps: int, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    inputs = {"samples": rng.integers(0, network.levels, (2, steps)).astype("int32")}
    if network.classes:
        inputs["class"] = rng.integers(0, network.classes, 2).astype("int32")
    if network.local:
        rows = -(-steps // network.hop)
        inputs["local"] = rng.normal(size=(2, rows, network.local)).astype("f")
    for variable in network.trainable_variables:  # larger than they begin, so that all is felt
        variable.assign(rng.normal(0, 0.7, variable.shape))
    return inputs


def stepwise(network, inputs: dict) -> np.ndarray:
    """(B, T, P) by `step`, each step told the sample before."""
    samples = inputs["samples"]
    states, y = network.start(2), network.conditioning(inputs)
    before, rows = np.full(2, network.levels // 2, "int32"), []
    for t in range(samples.shape[1]):
        now = None if y is None else y[:, min(t // network.hop, y.shape[1] - 1)]
        row, states = network.step(before, states, now)
        rows.append(np.asarray(row))
        before = samples[:, t]
    return np.stack(rows, axis=1)


@settings(max_examples=12, deadline=None)
@given(NETWORKS, st.integers(1, 14), st.data())
def test_a_sample_changes_no_output_up_to_its_own(chosen, steps, data):
    network = chosen[0](**chosen[1])
    inputs = inputs_for(network, steps)
    at = data.draw(st.integers(0, steps - 1))
    whole = np.asarray(network(inputs))
    changed = inputs["samples"].copy()
    changed[:, at:] = (changed[:, at:] + 1 + np.arange(steps - at) % 2) % network.levels
    np.testing.assert_array_equal(
        np.asarray(network(inputs | {"samples": changed}))[:, : at + 1], whole[:, : at + 1]
    )


@settings(max_examples=12, deadline=None)
@given(NETWORKS, st.integers(1, 14))
def test_steps_from_queues_give_what_the_whole_gives(chosen, steps):
    network = chosen[0](**chosen[1])
    inputs = inputs_for(network, steps)
    whole = np.asarray(network(inputs))
    np.testing.assert_allclose(
        stepwise(network, inputs), whole, rtol=1e-5, atol=1e-5 * max(1, np.abs(whole).max())
    )


@pytest.mark.parametrize(
    ("stacks", "dilations", "kernel_size", "wanted"),
    [(1, 1, 2, 2), (1, 4, 2, 16), (2, 3, 3, 29), (3, 2, 1, 1), (2, 5, 2, 63)],
)
def test_the_receptive_field_is_what_the_gradient_reaches(stacks, dilations, kernel_size, wanted):
    network = wavenet(
        stacks=stacks, dilations=dilations, kernel_size=kernel_size, channels=3, skip=3, hidden=3
    )
    assert network.receptive_field == wanted
    inputs = inputs_for(network, wanted + 10)
    rows = tf.Variable(network.table(inputs["samples"]))
    with tf.GradientTape() as tape:
        x, skips = tf.convert_to_tensor(rows), 0.0
        for block in network.blocks:
            x, skip = block(x)
            skips = skips + skip
        last = tf.reduce_sum(network.head(skips)[:, -1])
    felt = np.abs(tape.gradient(last, rows).numpy()).sum((0, 2)) > 0
    assert len(felt) - int(np.argmax(felt)) == wanted


def test_two_stacks_of_ten_see_2047_samples():
    assert wavenet(channels=1, skip=1, hidden=1).receptive_field == 2047


def test_a_recurrent_network_feels_the_first_sample_at_the_end():
    network = sample_rnn("gru", units=4, frame=4, hidden=4, embedding_size=2)
    inputs = inputs_for(network, 60)
    changed = inputs["samples"].copy()
    changed[:, 0] = 255 - changed[:, 0]
    ends = [np.asarray(network({"samples": s}))[:, -1] for s in (inputs["samples"], changed)]
    assert np.abs(ends[0] - ends[1]).max() > 0
    assert network.receptive_field is None


@pytest.mark.parametrize(
    "network",
    [
        lambda: wavenet(dilations=3, channels=4, skip=5, hidden=6, classes=2, local=3, hop=4),
        lambda: sample_rnn("lstm", units=(3, 4), frame=5, hidden=6, outputs="logistics"),
        lambda: sample_rnn(LSTMCell(4, zoneout=0.1), units=None, layers=2, frame=3, hidden=6),
    ],
)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_networks_come_back_from_a_file_and_step_in_any_precision(network, policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        network = network()
    finally:
        keras.config.set_dtype_policy("float32")
    inputs = inputs_for(network, 8)
    whole = np.asarray(network(inputs))
    assert whole.dtype == np.float32
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)
    np.testing.assert_array_equal(again(inputs), whole)
    close = 1e-5 if policy == "float32" else 0.05
    np.testing.assert_allclose(
        stepwise(network, inputs), whole, rtol=close, atol=close * np.abs(whole).max()
    )


@pytest.mark.parametrize("parameters", [9_000, 20_000])
def test_widths_give_both_networks_the_same_number_of_parameters(parameters):
    def waves(channels, skip):
        return wavenet(dilations=3, channels=channels, skip=skip, hidden=skip)

    def recurrent(units, hidden):
        return sample_rnn("gru", units=units, hidden=hidden, frame=4, embedding_size=4)

    for make in (waves, recurrent):
        widths = widths_for(parameters, make)
        assert make(*widths).count_params() == pytest.approx(parameters, rel=0.02)
    with pytest.raises(ValueError, match="`parameters` must be a number that widths can give"):
        widths_for(200, waves)


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match="`outputs` must be one of"):
        wavenet(outputs="gaussian")
    with pytest.raises(ValueError, match="`stacks`"):
        wavenet(stacks=0)
    with pytest.raises(ValueError, match="`cell` must leave the answer"):
        sample_rnn("output_rnn")


def test_trying_sizes_out_changes_no_draw():
    random.seed(3)
    wanted = random.random()
    random.seed(3)
    widths_for(
        40_000, lambda width, skip: wavenet(stacks=1, dilations=2, channels=width, skip=skip)
    )
    assert random.random() == wanted
