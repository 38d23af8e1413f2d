"""Features of sound, against SciPy's numbers and against the equations in NumPy float64."""

import numpy as np
import pytest
import scipy.fft
import scipy.signal
import tensorflow as tf

from kerasrnn.data import features, tfio

RATE, LENGTH, STEP, FFT = 2000, 200, 50, 256


@pytest.fixture(scope="module")
def audio():
    t = np.arange(3000) / RATE
    noise = np.random.default_rng(0).normal(0, 0.02, (2, 3000))
    return (0.3 * np.sin(2 * np.pi * (60 * t + 40 * t * t)) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def power(audio):
    return features.power_spectrogram(tf.constant(audio), LENGTH, STEP, FFT)


@pytest.fixture(scope="module")
def mel(power):
    return features.mel_bands(power, RATE, 20, 30, 800)


def test_the_power_spectrogram_is_scipys(audio, power):
    _, _, spectrum = scipy.signal.stft(
        audio.astype(np.float64), RATE, "hann", LENGTH, LENGTH - STEP, FFT,
        boundary=None, padded=False, scaling="spectrum",
    )  # fmt: skip
    scale = scipy.signal.get_window("hann", LENGTH).sum()
    wanted = np.swapaxes(np.abs(spectrum * scale) ** 2, 1, 2)
    assert power.shape == wanted.shape == (2, 1 + (3000 - LENGTH) // STEP, FFT // 2 + 1)
    np.testing.assert_allclose(power, wanted, rtol=1e-3, atol=1e-4)


def htk_weights(bins, bands, low, high):
    """Triangles that are equally wide in mel = 1127 ln(1 + f / 700), float64 (bins, bands)."""
    to_mel = lambda f: 1127 * np.log1p(np.asarray(f) / 700)  # noqa: E731
    edges = np.linspace(to_mel(low), to_mel(high), bands + 2)
    at = to_mel(np.linspace(0, RATE / 2, bins))[:, None]
    rise = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rise, fall)) * (np.arange(bins) > 0)[:, None]


def test_mel_bands_are_the_htk_triangles_and_tensorflow_ios(power, mel):
    wanted = power.numpy().astype(np.float64) @ htk_weights(FFT // 2 + 1, 20, 30, 800)
    np.testing.assert_allclose(mel, wanted, rtol=1e-3, atol=1e-4)
    theirs = tfio.audio().melscale(power[0], RATE, 20, 30, 800)
    np.testing.assert_allclose(mel[0], theirs, rtol=1e-5)


def test_mfcc_are_scipys_cosine_transform_scaled_as_htk_does(mel):
    log_mel = features.log_power(mel)
    np.testing.assert_allclose(log_mel, np.log(mel.numpy().astype(np.float64) + 1e-10), rtol=1e-5)
    wanted = scipy.fft.dct(log_mel.numpy().astype(np.float64), type=2, axis=-1) / np.sqrt(2 * 20)
    np.testing.assert_allclose(features.mfcc(log_mel, 13), wanted[..., :13], rtol=1e-3, atol=1e-3)


def test_deltas_are_the_slope_of_a_least_squares_line(mel):
    x = mel.numpy()
    wanted = scipy.signal.savgol_filter(x.astype(np.float64), 5, 1, deriv=1, axis=1, mode="nearest")
    np.testing.assert_allclose(features.deltas(mel), wanted, rtol=1e-3, atol=1e-3)


def pcen(energy, before, s, gain, bias, root, floor):
    state = [(1 - s) * before[:, None]]
    mean = scipy.signal.lfilter([s], [1, s - 1], energy.astype(np.float64), axis=1, zi=state[0])[0]
    return (energy / (floor + mean) ** gain + bias) ** root - bias**root, mean[:, -1]


@pytest.mark.parametrize("frames", [1, 64, 200])
def test_pcen_is_scipys_filter_and_the_papers_root(frames):
    energy = np.random.default_rng(1).gamma(1, 1e-4, (2, frames, 3)).astype(np.float32)
    s = features.smoothing_of(16.0)
    assert s == pytest.approx((np.sqrt(1 + 4 * 16**2) - 1) / (2 * 16**2))
    got = features.PCEN(s, 0.8, 10.0, 0.25, 1e-6)(tf.constant(energy), tf.constant(energy[:, 0]))
    wanted = pcen(energy, energy[:, 0], s, 0.8, 10.0, 0.25, 1e-6)
    for ours, theirs in zip(got, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_pcen_in_pieces_is_pcen_in_one_and_silence_is_zero():
    energy = tf.constant(np.random.default_rng(2).gamma(1, 1e-4, (2, 300, 3)).astype(np.float32))
    norm = features.PCEN(0.05)
    whole, last = norm(energy, energy[:, 0])
    state, parts = energy[:, 0], []
    for begin, end in ((0, 7), (7, 150), (150, 300)):
        part, state = norm(energy[:, begin:end], state)
        parts.append(part)
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(state, last, rtol=1e-5)
    silent, _ = norm(tf.zeros((1, 5, 3)), tf.zeros((1, 3)))
    assert not np.any(silent)


def test_pcen_hardly_hears_that_a_recorder_is_louder():
    energy = np.random.default_rng(3).gamma(1, 1e-4, (1, 80, 3)).astype(np.float32)
    norm = features.PCEN(0.05)
    soft, loud = (norm(tf.constant(g * energy), tf.constant(g * energy[:, 0]))[0] for g in (1, 4))
    assert np.abs(soft - loud).mean() < 0.05 * np.std(soft)


def test_statistics_make_mean_zero_and_deviation_one_and_come_back_from_their_file(tmp_path):
    rows = np.random.default_rng(4).normal([1, -200, 5], [2, 0.5, 0], (400, 3)).astype(np.float32)
    found = features.Statistics.of([rows[:100].reshape(10, 10, 3), rows[100:]])
    np.testing.assert_allclose(found.mean, rows.mean(0), rtol=1e-4)
    np.testing.assert_allclose(found.deviation, [*rows.std(0)[:2], 1], rtol=1e-3)
    found.save(tmp_path / "statistics.json")
    again = features.Statistics.load(tmp_path / "statistics.json")
    assert np.array_equal(again(rows), found(rows))
    with pytest.raises(ValueError, match="at least one row"):
        features.Statistics.of([])


def test_the_features_run_in_a_graph_of_stock_operations_with_any_lengths(audio):
    def all_of_it(x):
        mel = features.mel_bands(
            features.power_spectrogram(x, LENGTH, STEP, FFT), RATE, 20, 30, 800
        )
        log_mel = features.log_power(mel)
        return features.PCEN(0.1)(mel, mel[:, 0])[0], features.deltas(features.mfcc(log_mel, 5))

    function = tf.function(all_of_it, input_signature=[tf.TensorSpec((None, None), tf.float32)])
    for x in (audio, audio[:1, :700]):
        for one, other in zip(function(x), all_of_it(tf.constant(x)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    names = {op.type for op in function.get_concrete_function().graph.get_operations()}
    assert not [name for name in names if name.startswith("IO>")]
