"""Synthetic sounds, folders of clips, and batches of them."""

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from kerasrnn.apps import whale
from kerasrnn.apps.whale import synth
from kerasrnn.apps.whale.clips import fit_clip, open_source
from kerasrnn.apps.whale.data import Assets, batches
from kerasrnn.apps.whale.sounds import band_power, upcall
from kerasrnn.data.features import Statistics
from kerasrnn.errors import UserError
from kerasrnn.settings import replace

TINY = whale.PRESETS["tiny"]
PLAIN = Assets(Statistics(np.zeros(TINY.bands, np.float32), np.ones(TINY.bands, np.float32)))


def test_an_upcall_rises_within_its_band_and_has_the_power_that_is_stated():
    rng = np.random.default_rng(0)
    rises = []
    for _ in range(40):
        call = upcall(rng)
        assert 0.5 <= len(call) / synth.RATE <= 1.63  # with echoes
        third = len(call) // 3
        peaks = [
            np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part)), 2000)))
            for part in (call[:third], call[-third:])
        ]
        assert all(45 <= peak <= 550 for peak in peaks)
        rises.append(peaks[1] > peaks[0])
    assert np.mean(rises) > 0.9


def test_a_clip_has_its_call_at_the_stated_snr():
    quiet = synth.Sea(rivals=0.0, gain=(0.0, 0.0), swell=0.0)
    ratios = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        without = synth.scene(rng, 40_000, [], quiet)
        rng = np.random.default_rng(seed)
        call = synth.scene(rng, 40_000, [(8000, 20.0)], quiet) - without
        spans = np.flatnonzero(np.abs(call) > 1e-6)
        power = np.mean(call[spans[0] : spans[-1] + 1] ** 2)
        ratios.append(10 * np.log10(power / band_power(without)))
    assert np.median(ratios) == pytest.approx(20, abs=1.0)


def test_the_same_seed_makes_the_same_clips_and_labels_are_even():
    one, other = (synth.clips(60, synth.TRAINING, synth.HOME, 3) for _ in range(2))
    assert np.array_equal(one[0], other[0])
    assert 20 < one[1].sum() < 40
    assert not np.array_equal(one[0][0], synth.clips(60, synth.TRAINING, synth.HOME, 4)[0][0])


def test_training_batches_vary_by_pass_and_come_again_from_the_same_number():
    source = open_source(None, TINY)
    drawn = batches(source, TINY, "train", PLAIN, seed=4)
    numbers = [(0, 3), (1, 3), (0, 3)]
    one, other, again = (drawn.at(*map(tf.constant, map(np.int64, n)))[0].numpy() for n in numbers)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_folders_and_lists_are_read_alike_and_what_is_missing_is_told_at_once(tmp_path):
    audio, labels = synth.clips(40, (10, 10), synth.HOME, 1)
    for name in ("calls", "noise", "clips"):
        (tmp_path / "folders" / name).mkdir(parents=True)
    (tmp_path / "list").mkdir()
    rows = ["clip_name,label"]
    for number, (sound, label) in enumerate(zip(audio, labels, strict=True)):
        kind = "calls" if label else "noise"
        soundfile.write(tmp_path / "folders" / kind / f"{number}.wav", sound, synth.RATE)
        soundfile.write(tmp_path / "list" / f"{number}.aiff", sound, synth.RATE)
        rows.append(f"{number}.aiff,{int(label)}")
    (tmp_path / "list" / "train.csv").write_text("\n".join(rows))
    folders, listed = (
        open_source(str(tmp_path / n), TINY).splits["all"] for n in ("folders", "list")
    )
    assert folders.labels.sum() == listed.labels.sum() == labels.sum()
    assert np.array_equal(np.sort(folders.audio.sum(1)), np.sort(listed.audio.sum(1)))
    (tmp_path / "list" / "train.csv").write_text("\n".join([*rows, "a.aiff,1", "b.aiff,0"]))
    with pytest.raises(UserError, match=r"2 clips of .*: a.aiff, b.aiff\."):
        open_source(str(tmp_path / "list"), TINY)
    for text, said in (
        ("clip_name,label\n0.aiff,2", "0 or 1, got '2'"),
        ("a,b\n1,2", "begin with"),
        ("label,clip_name\n1,0.aiff\n1\n", "row 3 has none"),
    ):
        (tmp_path / "list" / "train.csv").write_text(text)
        with pytest.raises(UserError, match=said):
            open_source(str(tmp_path / "list"), TINY)
    with pytest.raises(UserError, match="positive=NAME"):
        open_source(str(tmp_path), TINY)
    few = open_source(str(tmp_path / "folders"), replace(TINY, clips=10)).splits
    assert 0 < few["train"].labels.sum() < len(few["train"].labels) == 10
    assert len(few["all"].labels) == 40  # as many as there are


def test_of_clips_or_folders_of_one_name_it_must_be_said_which_is_meant(tmp_path):
    audio, _ = synth.clips(2, (10, 10), synth.HOME, 1)
    for folder, sound in zip(("upcall", "whale"), audio, strict=True):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "0.wav", sound, synth.RATE)
    with pytest.raises(UserError, match="upcall and whale both sound so"):
        open_source(str(tmp_path), TINY)
    named = open_source(str(tmp_path), replace(TINY, positive="whale")).splits["all"]
    assert named.labels.sum() == 1
    (tmp_path / "train.csv").write_text("clip_name,label\nwhale/0.wav,1\nupcall/0.wav,0\n")
    both = open_source(str(tmp_path), TINY).splits["all"]
    np.testing.assert_array_equal(both.audio[both.labels], audio[1:])
    (tmp_path / "train.csv").write_text("clip_name,label\n0.wav,1\n")
    with pytest.raises(UserError, match=r"must say below which folder .* 0\.wav\."):
        open_source(str(tmp_path), TINY)


def test_a_clip_that_is_too_long_keeps_its_middle_and_a_short_one_ends_in_silence():
    assert fit_clip(np.arange(10), 4).tolist() == [3, 4, 5, 6]
    assert fit_clip(np.arange(1, 4), 5).tolist() == [1, 2, 3, 0, 0]
