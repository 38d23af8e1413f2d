"""WAV files in a graph: the samples of soundfile, the resampling of soxr, and each bad file refused."""

import io

import numpy as np
import pytest
import soundfile
import soxr
import tensorflow as tf

from kerasrnn.data import wav as module
from kerasrnn.data.wav import WavFiles


@pytest.fixture(scope="module")
def decode():
    return tf.function(
        lambda data: WavFiles(data[None], 2000).sound(0),
        input_signature=[tf.TensorSpec((), tf.string)],
    )


def wav(samples, rate=2000, subtype="PCM_16", kind="WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


NOISE = np.random.default_rng(0).uniform(-0.9, 0.9, (501, 3)).astype(np.float32)


@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_the_samples_are_soundfiles(decode, subtype, kind):
    data = wav(NOISE, subtype=subtype, kind=kind)
    wanted = soundfile.read(io.BytesIO(data), dtype="float32")[0].mean(axis=1)
    np.testing.assert_allclose(decode(data), wanted, atol=1e-6)


@pytest.mark.parametrize("rate", [1000, 8000, 22_050, 48_000])
def test_another_rate_becomes_what_soxr_makes_of_it(decode, rate):
    t = np.arange(int(2.3 * rate)) / rate
    x = (0.5 * np.sin(2 * np.pi * (50 * t + 60 * t * t)) * np.hanning(len(t))).astype(np.float32)
    got, wanted = decode(wav(x, rate, "FLOAT")).numpy(), soxr.resample(x, rate, 2000, "HQ")
    assert got.shape == wanted.shape
    assert np.abs(got - wanted)[50:-50].max() < 5e-4


def test_other_chunks_are_skipped_and_a_size_past_the_end_means_up_to_the_end(decode):
    data = wav(NOISE[:, 0])
    listed = data[:12] + b"LIST" + (3).to_bytes(4, "little") + b"abc\0" + data[12:]
    assert np.array_equal(decode(listed), decode(data))
    endless = data[:40] + b"\xff\xff\xff\xff" + data[44:]
    assert np.array_equal(decode(endless), decode(data))


BAD = {
    "begin with RIFF": b"",
    "RIFF and WAVE": b"<html>" * 30,
    "a chunk fmt and a chunk data": b"RIFF\0\0\0\0WAVEfmt \xf0\xff\xff\xff",
    "got format 2 of 4 bits": wav(NOISE[:, 0], subtype="MS_ADPCM"),
    "hold samples": wav(NOISE[:0, 0]),
    "at most 600 s": wav(np.zeros(60_200), 100),
    "100 to 768000 Hz, got 1 and 50": wav(NOISE[:, 0], 50),
    "be finite": wav(np.array([0, np.nan, 1]), subtype="FLOAT"),
    "at most 10,000,000,000 times full scale": wav(np.array([0, 3e38, 1]), subtype="FLOAT"),
}


@pytest.mark.parametrize("said", BAD)
def test_each_bad_file_is_refused_in_a_sentence(decode, said):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"A WAV file.*{said}"):
        decode(BAD[said])


SOUNDS = [NOISE[:n, 0] for n in (40, 501, 7, 300, 40, 1)]


@pytest.mark.parametrize("most", [1, 0.25, 0.01])  # s: one group, several, each alone
def test_files_are_heard_in_groups_whose_padded_length_is_bounded_each_in_its_place(
    most, monkeypatch
):
    monkeypatch.setattr(module, "GROUP_SECONDS", most)
    seen = []

    def hear(audio, lengths):
        tf.py_function(lambda *x: seen.append([y.numpy() for y in x]), (audio, lengths), [])
        said = tf.strings.as_string(lengths)
        return {"sum": tf.reduce_sum(audio, 1), "twice": audio[..., None] * [2, 3], "said": said}

    kinds = {
        "sum": tf.TensorSpec([None]),
        "twice": tf.TensorSpec([None, None, 2]),
        "said": tf.TensorSpec([None], tf.string),
    }
    files = [wav(sound, subtype="FLOAT") for sound in SOUNDS]
    graph = tf.function(lambda x: WavFiles(x, 2000).heard(hear, kinds), autograph=False)
    got = graph(tf.constant(files))
    for row, sound in enumerate(SOUNDS):
        np.testing.assert_allclose(got["sum"][row], sound.sum(), rtol=1e-5)
        twice = got["twice"][row, : len(sound)]
        np.testing.assert_allclose(twice, sound[:, None] * [2, 3], rtol=1e-6)
        assert got["said"][row].numpy() == str(len(sound)).encode()
    for audio, lengths in seen:
        assert audio.size <= max(most * 2000, lengths[0] if len(lengths) == 1 else 0)
        assert audio.shape[1] == lengths.max()
        assert not audio[np.arange(audio.shape[1]) >= lengths[:, None]].any()
    assert len(seen) == {1: 2, 0.25: 3, 0.01: 5}[most]


def test_no_files_are_heard_as_nothing():
    kinds = {"sum": tf.TensorSpec([None])}
    none = tf.constant([], tf.string)
    got = WavFiles(none, 2000).heard(lambda audio, _: {"sum": tf.reduce_sum(audio, 1)}, kinds)
    assert got["sum"].shape == (0,)


def test_many_long_files_in_few_bytes_are_refused_before_they_are_decoded():
    slow = wav(np.zeros(60_000), 100, "PCM_U8")
    assert WavFiles(tf.constant([slow] * 6), 16_000).lengths.numpy().tolist() == [9_600_000] * 6
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 3600 s together, got 4200"):
        WavFiles(tf.constant([slow] * 7), 16_000)


def test_one_bad_file_among_good_ones_is_said_with_what_it_holds():
    files = [wav(NOISE[:, 0]), BAD["got format 2 of 4 bits"], wav(NOISE[:, 0])]
    with pytest.raises(tf.errors.InvalidArgumentError, match="got format 2 of 4 bits"):
        WavFiles(tf.constant(files), 2000)
