"""WAV files in a graph: the samples of soundfile, the resampling of soxr, and each bad file refused."""

import io

import numpy as np
import pytest
import soundfile
import soxr
import tensorflow as tf

from kerasrnn.data.wav import decode_wav


@pytest.fixture(scope="module")
def decode():
    return tf.function(
        lambda data: decode_wav(data, 2000), input_signature=[tf.TensorSpec((), tf.string)]
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
}


@pytest.mark.parametrize("said", BAD)
def test_each_bad_file_is_refused_in_a_sentence(decode, said):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"A WAV file.*{said}"):
        decode(BAD[said])
