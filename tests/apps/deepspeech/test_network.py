"""The recogniser's network: what is padded says nothing, pieces of a stream say what the whole says."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.apps import deepspeech
from kerasrnn.apps.deepspeech.config import held_back
from kerasrnn.apps.deepspeech.data import Assets
from kerasrnn.apps.deepspeech.decode import Listener
from kerasrnn.apps.deepspeech.model import Centred
from kerasrnn.apps.deepspeech.stream import Stream
from kerasrnn.data.features import Statistics
from kerasrnn.errors import UserError
from kerasrnn.settings import replace

TINY = deepspeech.PRESETS["tiny"]
PLAIN = Assets("ab c", Statistics(np.full(16, -6, np.float32), np.full(16, 3, np.float32)))
NETWORKS = {
    "slide": {"stride": 1, "normalise": "none", "cell": "simple_rnn", "dropout": 0.0},
    "layer": {"stride": 3, "cell": "gru", "units": (8, 8)},
    "batch": {"normalise": "batch", "context": 0},
    "convolutions": {"filters": 2, "stride": 2, "centre": 0.3},
    "centred": {"centre": 0.02, "stride": 2},
    "stream": {"streaming": True, "context": 4, "stride": 3},
}


def sound(samples, seed=0):
    """Noise, now loud, now soft."""
    rng = np.random.default_rng(seed)
    loud = np.repeat(10.0 ** rng.uniform(-4, 0, samples // 400 + 1), 400)[:samples]
    return (loud * rng.normal(0, 0.1, samples)).astype(np.float32)


def heard_alone(heard, clip):
    logits, steps = heard.heard(tf.constant(clip[None]), tf.constant([len(clip)], tf.int64))
    assert logits.shape[1] == steps[0]
    return logits.numpy()[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_silence_behind_a_recording_changes_nothing(name):
    config = replace(TINY, **NETWORKS[name])
    heard = Listener(deepspeech.build(config, PLAIN), config, PLAIN)
    clips = [sound(n, n) for n in (1, 79, 80, 1000, 1203)]
    audio = np.zeros((len(clips), 1500), np.float32)
    for row, clip in zip(audio, clips, strict=True):
        row[: len(clip)] = clip
    lengths = tf.constant([len(clip) for clip in clips], tf.int64)
    logits, steps = heard.heard(tf.constant(audio), lengths)
    for row, count, clip in zip(logits.numpy(), steps.numpy(), clips, strict=True):
        assert count == np.ceil(np.ceil(len(clip) / 80) / config.stride)
        np.testing.assert_allclose(row[:count], heard_alone(heard, clip), atol=2e-5)


@pytest.mark.parametrize(
    ("context", "stride", "cell"),
    [(4, 3, "lstm"), (5, 2, "gru"), (0, 1, "lstm"), (2, 4, "simple_rnn")],
)
def test_pieces_of_a_stream_say_what_the_whole_says(context, stride, cell):
    config = replace(TINY, streaming=True, context=context, stride=stride, cell=cell, units=(8, 8))
    model = deepspeech.build(config, PLAIN)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.5, variable.shape))
    heard, stream = Listener(model, config, PLAIN), Stream(model, config, PLAIN)
    step = config.step_samples
    clips = tf.constant(np.stack([sound(12 * step, seed) for seed in (1, 2)]))
    lengths = tf.constant([12 * step] * 2, tf.int64)
    bias = model.get_layer("outputs").bias  # now no letter is the likeliest everywhere
    bias.assign(bias - heard.heard(clips, lengths)[0].numpy().mean(axis=(0, 1)))
    whole = heard.heard(clips, lengths)[0].numpy()
    wanted = heard.transcribe(clips, lengths, 1)["transcript"].numpy()[:, 0]
    assert not stream.finish(stream.start(2))["real"].numpy().any()  # of what was never heard
    for sizes in ([12], [1, 1, 1, 2, 5, 2]):
        state, found, said = stream.start(2), [], ["", ""]
        for piece in tf.split(clips, [size * step for size in sizes], axis=1):
            answer, state = stream.hear(piece, state)
            found.append(answer["logits"].numpy()[:, answer["real"].numpy()[0]])
            said = [a + b.decode() for a, b in zip(said, answer["transcript"].numpy(), strict=True)]
        answer = stream.finish(state)
        found.append(answer["logits"].numpy()[:, answer["real"].numpy()[0]])
        said = [a + b.decode() for a, b in zip(said, answer["transcript"].numpy(), strict=True)]
        np.testing.assert_allclose(np.concatenate(found, axis=1), whole, atol=1e-4)
        assert [text.encode() for text in said] == list(wanted)
    assert len(wanted[0] + wanted[1]) > 3


def test_a_batchs_mean_is_over_its_frames_and_not_over_the_silence_behind():
    config = replace(TINY, normalise="batch", context=0, stride=1, dense=(16, 16), dropout=0.0)
    features = np.random.default_rng(0).normal(0, 1, (2, 30, 16)).astype(np.float32)
    means = []
    for padding in (0, 50):
        keras.utils.set_random_seed(1)
        model = deepspeech.build(config, PLAIN)
        padded = np.pad(features, ((0, 0), (0, padding), (0, 0)), constant_values=9.0)
        model({"features": padded, "frames": np.array([30, 20])}, training=True)
        layers = (layer for layer in model.layers if layer.name.startswith("normalise_"))
        means.append(np.concatenate([layer.moving_mean for layer in layers]))
    np.testing.assert_allclose(means[0], means[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("mixed_float16", 0.05)])
def test_each_recordings_own_mean_is_taken_away(dtype, tolerance):
    """Even of many frames that half precision could not add up; of none there is none."""
    x = np.random.default_rng(0).normal(30, 1, (3, 3000, 2))
    centred = Centred(50.0, dtype=dtype)
    found = keras.ops.convert_to_numpy(
        centred([x.astype("float16" if "16" in dtype else "float32"), np.int32([3000, 7, 0])])
    )
    for row, clip, frames in zip(found, x, (3000, 7, 0), strict=True):
        mean = clip[:frames].sum(axis=0) / (50 + frames)
        np.testing.assert_allclose(row[:frames], clip[:frames] - mean, atol=tolerance)
        assert not row[frames:].any()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(centred))
    assert again.prior == 50.0


def test_a_microphones_colour_is_not_heard_where_recordings_are_centred():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 30, TINY.bands)).astype(np.float32)
    coloured = x + rng.normal(0, 3, TINY.bands).astype(np.float32)
    changes = []
    for centre in (1e-6, 0.0):
        model = deepspeech.build(replace(TINY, centre=centre), PLAIN)
        given = [{"features": features, "frames": np.int32([30])} for features in (x, coloured)]
        changes.append(np.abs(np.subtract(*map(model, given))).max())
    assert changes[0] < 1e-3 < 0.1 < changes[1]


def test_minutes_of_training_centre_but_not_for_a_stream():
    assert held_back(TINY)["centre"] > 0
    stream = replace(TINY, streaming=True)
    assert replace(stream, **held_back(stream)).centre == 0


def test_the_slides_network_is_its_equations():
    """Hannun et al. 2014, section 2, in NumPy: three layers, two directions that are added, one more layer."""
    config = replace(TINY, **NETWORKS["slide"], dense=(5, 6, 7), units=(4,), last=3, context=1)
    model = deepspeech.build(config, PLAIN)
    rng = np.random.default_rng(3)
    for variable in model.variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    x = rng.normal(0, 1, (9, 16))

    def g(z):
        return np.minimum(np.maximum(0, z), 20)

    def weights(name):
        return [w.astype(np.float64) for w in model.get_layer(name).get_weights()]

    kernel, bias = weights("hidden_1")  # (3, F, N)
    around = np.pad(x, ((1, 1), (0, 0)))
    h = g(np.stack([np.einsum("cf,cfn->n", around[t : t + 3], kernel) + bias for t in range(9)]))
    for name in ("hidden_2", "hidden_3"):
        kernel, bias = weights(name)
        h = g(h @ kernel + bias)
    w_f, u_f, b_f, w_b, u_b, b_b = weights("bidirectional_simple_rnn_1")
    forward, backward = np.zeros((10, 4)), np.zeros((10, 4))
    for t in range(9):
        forward[t + 1] = np.tanh(h[t] @ w_f + forward[t] @ u_f + b_f)
    for t in range(8, -1, -1):
        backward[t] = np.tanh(h[t] @ w_b + backward[t + 1] @ u_b + b_b)
    kernel, bias = weights("hidden_5")
    h5 = g((forward[1:] + backward[:9]) @ kernel + bias)
    kernel, bias = weights("outputs")
    given = {"features": x[None].astype(np.float32), "frames": np.array([9], np.int32)}
    np.testing.assert_allclose(model(given)[0], h5 @ kernel + bias, atol=1e-4)


def test_recurrent_dropout_drops_from_h_in_training_alone():
    """One way, one clip: h_0 = 0 has nothing to drop, so the first answer alone is what it was."""
    options = {"streaming": True, "dropout": 0.0}
    plain = deepspeech.build(replace(TINY, **options), PLAIN)
    dropped = deepspeech.build(replace(TINY, **options, recurrent_dropout=0.5), PLAIN)
    dropped.set_weights(plain.get_weights())
    x = np.random.default_rng(0).normal(size=(1, 30, TINY.bands)).astype(np.float32)
    clip = {"features": x, "frames": np.int32([30])}
    np.testing.assert_allclose(dropped(clip), plain(clip), atol=1e-6)
    difference = np.abs(np.asarray(dropped(clip, training=True)) - np.asarray(plain(clip)))[0]
    assert difference[0].max() < 1e-5
    assert (difference[2:].max(axis=1) > 1e-4).all()


def test_a_stream_refuses_what_looks_further_ahead():
    for changes in ({"filters": 4}, {"normalise": "batch"}, {"centre": 0.5}):
        with pytest.raises(UserError, match="`streaming` needs"):
            replace(TINY, streaming=True, **changes)
