"""Audio files as waveforms: every kind that there is, and every kind of bad one."""

import numpy as np
import pytest
import soundfile
import soxr
import tensorflow as tf

from kerasrnn.data import audio, tfio
from kerasrnn.data.audio import audio_blocks, audio_file, read_audio
from kerasrnn.errors import UserError

KINDS = [("wav", "PCM_U8", 8e-3), ("wav", "PCM_16", 4e-5), ("wav", "PCM_24", 2e-7)]
KINDS += [("wav", "PCM_32", 1e-7), ("wav", "FLOAT", 1e-7), ("wav", "DOUBLE", 1e-7)]
KINDS += [("aiff", "PCM_16", 4e-5), ("flac", "PCM_16", 4e-5), ("flac", "PCM_24", 2e-7)]
KINDS += [("ogg", "VORBIS", 0.03), ("mp3", "MPEG_LAYER_III", 0.05)]


def sweep(rate: int, seconds: float = 1.5) -> np.ndarray:
    t = np.arange(round(rate * seconds)) / rate
    return (0.4 * np.sin(2 * np.pi * (50 * t + 50 * t * t)) * np.hanning(len(t))).astype(np.float32)


@pytest.mark.parametrize(("suffix", "subtype", "close"), KINDS)
def test_a_file_of_each_kind_holds_what_was_written(tmp_path, suffix, subtype, close):
    path, x = tmp_path / f"x.{suffix}", sweep(8000)
    soundfile.write(path, np.stack([x, 0.5 * x], 1), 8000, subtype=subtype)
    assert audio_file(path).channels == 2
    read = read_audio(path, 8000)
    assert read.dtype == np.float32
    assert np.abs(read[: len(x)] - 0.75 * x).max() < close


@pytest.mark.parametrize("rate", [1000, 8000, 44_100, 48_000])
def test_another_rate_keeps_the_sweep_in_its_place(tmp_path, rate):
    soundfile.write(tmp_path / "x.wav", sweep(rate), rate, subtype="FLOAT")
    read = read_audio(tmp_path / "x.wav", 2000)
    assert np.abs(read - sweep(2000)).max() < 2e-3


@pytest.mark.parametrize("rate", [2000, 11_025])
def test_blocks_of_any_length_are_the_whole_file(tmp_path, rate):
    soundfile.write(tmp_path / "x.flac", sweep(rate, 7.3), rate)
    whole = read_audio(tmp_path / "x.flac", 2000)
    for seconds in (0.01, 1.0, 60.0):
        parts = np.concatenate(list(audio_blocks(tmp_path / "x.flac", 2000, seconds)))
        assert parts.shape == whole.shape
        assert np.abs(parts - whole).max() < 1e-6
    some = read_audio(tmp_path / "x.flac", rate, start=2.0, most_seconds=1.0)
    assert np.array_equal(some, read_audio(tmp_path / "x.flac", rate)[2 * rate : 3 * rate])
    first = read_audio(tmp_path / "x.flac", rate, start=0.0, most_seconds=1.0)
    assert np.array_equal(first, read_audio(tmp_path / "x.flac", rate)[:rate])


def test_silence_clipping_and_a_header_that_promises_too_much_are_read(tmp_path):
    loud = np.clip(100 * sweep(2000), -1, 1)
    for name, x in (("silent", np.zeros(4000)), ("clipped", loud), ("one", np.ones(1) / 2)):
        soundfile.write(tmp_path / f"{name}.wav", x, 2000)
        assert len(read_audio(tmp_path / f"{name}.wav", 2000)) == len(x)
        assert np.isfinite(read_audio(tmp_path / f"{name}.wav", 44_100)).all()
    data = bytearray((tmp_path / "silent.wav").read_bytes())
    data[40:44] = (2**31).to_bytes(4, "little")  # the data chunk's size
    (tmp_path / "wrong.wav").write_bytes(data)
    assert len(read_audio(tmp_path / "wrong.wav", 2000)) == 4000
    (tmp_path / "cut.wav").write_bytes(data[:3000])
    assert 0 < len(read_audio(tmp_path / "cut.wav", 2000)) < 4000


def bad_files(folder):
    soundfile.write(folder / "empty.wav", np.zeros(0), 2000)
    holed = np.array([0, 0.1, np.nan, 0.2], np.float32)
    soundfile.write(folder / "nan.wav", holed, 2000, subtype="FLOAT")
    soundfile.write(folder / "loud.wav", np.full(9, 3e38), 2000, subtype="FLOAT")
    soundfile.write(folder / "louder.wav", np.full((9, 2), 3e38), 2000, subtype="FLOAT")
    soundfile.write(folder / "long.wav", np.zeros(601 * 200, np.int16), 200)
    soundfile.write(folder / "slow.wav", np.zeros(10), 10)
    (folder / "text.wav").write_text("not a sound\n" * 50)
    (folder / "nothing.flac").write_bytes(b"")
    (folder / "headerless.raw").write_bytes(bytes(400))
    (folder / "folder.wav").mkdir()


REFUSALS = {
    "empty.wav": "must hold samples, but .*empty.wav holds none",
    "nan.wav": "must be finite and at most 10,000,000,000 times full scale; at 0.00 s",
    "louder.wav": "at most 10,000,000,000 times full scale; at 0.00 s",
    "loud.wav": "must be finite and at most 10,000,000,000 times full scale; at 0.00 s",
    "long.wav": "at most 600 s, but .* lasts 601 s; cut it, or",
    "slow.wav": "rate must be 100 to 768,000 Hz, got 10",
    "text.wav": "cannot be read as audio: Format not recognised",
    "nothing.flac": "cannot be read as audio",
    "headerless.raw": "must have a header",
    "folder.wav": "must be a file, but .* is none",
    "missing.wav": "must be a file, but .* is none",
}


def test_each_bad_file_is_refused_in_one_sentence(tmp_path):
    bad_files(tmp_path)
    for name, said in REFUSALS.items():
        with pytest.raises(UserError, match=said) as refused:
            read_audio(tmp_path / name, 2000)
        assert "\n" not in str(refused.value)
        if name != "long.wav":
            with pytest.raises(UserError, match=said):
                list(audio_blocks(tmp_path / name, 2000))


def test_eight_hours_are_read_in_blocks_of_a_minute(tmp_path):
    with soundfile.SoundFile(tmp_path / "x.flac", "w", 1000, 1, subtype="PCM_16") as file:
        for _ in range(8 * 60):
            file.write(np.zeros(60_000, np.int16))
    sizes = [len(block) for block in audio_blocks(tmp_path / "x.flac", 2000)]
    assert sum(sizes) == 8 * 3600 * 2000
    assert max(sizes) < 130_000


def test_where_tensorflow_io_decodes_its_samples_are_soundfiles(tmp_path, capsys):
    for kind, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")):
        path = tmp_path / f"x.{kind.lower()}"
        soundfile.write(path, sweep(8000), 8000, subtype=subtype)
        samples = tfio.decode(path.read_bytes(), kind, subtype)
        if samples is None:
            assert not tfio.decodes()
        else:
            wanted = soundfile.read(path, dtype="float32", always_2d=True)[0]
            assert np.abs(samples - wanted).max() < 1e-4
    tfio.decodes.cache_clear()
    read_audio(path, 8000)
    read_audio(path, 8000)
    assert capsys.readouterr().err.count("soundfile") == (not tfio.decodes())


def test_resampled_blocks_are_soxrs_own(tmp_path):
    x = np.random.default_rng(1).normal(0, 0.1, 9000).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", x, 3000, subtype="FLOAT")
    wanted = soxr.resample(x, 3000, 2000, "HQ")
    assert np.abs(read_audio(tmp_path / "x.wav", 2000) - wanted).max() < 1e-6


def test_a_file_that_tensorflow_io_cannot_decode_is_left_to_soundfile(tmp_path, monkeypatch):
    class Decoders:
        @staticmethod
        def decode_wav(data, dtype):
            raise tf.errors.InvalidArgumentError(None, None, "damaged")

    monkeypatch.setattr(tfio, "decodes", lambda: True)
    monkeypatch.setattr(tfio, "audio", lambda: Decoders)
    soundfile.write(tmp_path / "x.wav", sweep(8000), 8000)
    assert tfio.decode((tmp_path / "x.wav").read_bytes(), "WAV", "PCM_16") is None
    np.testing.assert_allclose(read_audio(tmp_path / "x.wav", 8000), sweep(8000), atol=1e-4)


def test_many_channels_make_a_block_shorter(tmp_path, monkeypatch):
    monkeypatch.setattr(audio, "BLOCK_SAMPLES", 1000)
    sound = np.random.default_rng(0).uniform(-1, 1, (3000, 4))
    soundfile.write(tmp_path / "x.wav", sound, 1000, subtype="FLOAT")
    blocks = list(audio_blocks(tmp_path / "x.wav", 1000))
    assert {len(block) for block in blocks} == {250}
    np.testing.assert_allclose(np.concatenate(blocks), sound.mean(1), atol=1e-6)
