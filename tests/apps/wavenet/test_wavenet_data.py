"""Sounds, the windows they are cut into, and what is refused."""

import numpy as np
import pytest
import soundfile

from kerasrnn.apps import wavenet
from kerasrnn.apps.wavenet import instruments
from kerasrnn.apps.wavenet.data import Assets, Windows, batches, prepare
from kerasrnn.apps.wavenet.recordings import Recordings, Source, open_source
from kerasrnn.apps.wavenet.timing import HOP, timing
from kerasrnn.baselines import CodePredictor
from kerasrnn.errors import UserError
from kerasrnn.settings import replace

TINY = replace(wavenet.PRESETS["tiny"], window=8, context=16, batch_size=3)
PLAIN = Assets(("a", "b"), CodePredictor(16))


def source_of(*lengths: int) -> Source:
    """Sounds of the codes 1, 2, 3, …, all different from one another and from silence."""
    codes, first = [], 1
    for length in lengths:
        codes.append(np.arange(first, first + length).astype(np.uint8))
        first += length
    kinds = np.arange(len(lengths)) % 2
    return Source("numbers", ("a", "b"), {"train": Recordings(codes, kinds)})


def test_in_order_every_sample_is_judged_once_and_hears_what_is_before_it():
    source, seen = source_of(20, 5, 8), []
    for x, y, weights in batches(source, TINY, "train", PLAIN).one_pass():
        np.testing.assert_array_equal(x["samples"], y)
        for row, weight, kind in zip(y.numpy(), weights.numpy(), x["class"].numpy(), strict=True):
            seen += row[weight > 0].tolist()
            for at in np.flatnonzero(weight):
                begins = 1 if row[at] <= 20 else (21 if row[at] <= 25 else 26)
                before = row[max(0, at - 16) : at]
                wanted = np.arange(row[at] - len(before), row[at])
                np.testing.assert_array_equal(before, np.where(wanted < begins, 128, wanted))
                assert kind == (20 < row[at] <= 25)
    assert sorted(seen) == list(range(1, 34))


def test_training_moves_windows_within_their_sound_and_a_batch_depends_on_its_number_only():
    source = source_of(40, 5)
    made = batches(source, TINY, "train", PLAIN, seed=2)
    seen = set()
    for number in range(60):
        x, _, weights = made.at(number // made.count, number % made.count)
        again, *_ = made.at(number // made.count, number % made.count)
        np.testing.assert_array_equal(x["samples"], again["samples"])
        for row, weight in zip(x["samples"].numpy(), weights.numpy(), strict=True):
            counted = row[weight > 0]
            seen.add(int(counted[0]))
            assert np.all(np.diff(counted) == 1)
            assert len(counted) == (5 if counted[0] > 40 else 8)
    assert len(seen) > 15
    assert max(first for first in seen if first <= 40) == 33


def test_a_timed_window_knows_when_its_sound_began_and_will_end():
    source, config = source_of(200, 30), replace(TINY, timed=True)
    made = batches(source, config, "train", PLAIN, seed=2)
    assert config.context == HOP  # the second row holds from the window's first sample on
    for number in range(20):
        x, _, weights = made.at(number // made.count, number % made.count)
        assert weights[:, HOP].numpy().all()
        for codes, local in zip(x["samples"].numpy(), x["local"], strict=True):
            begins, length = (1, 200) if codes[HOP] <= 200 else (201, 30)
            for row, since in enumerate((codes[HOP] - begins - HOP, codes[HOP] - begins)):
                wanted = timing(since / config.rate, (length - since) / config.rate)
                np.testing.assert_allclose(local[row], wanted, rtol=1e-5)


def test_strays_begin_elsewhere_and_are_learned_from_where_they_are_back():
    config = replace(TINY, strays=0.5, batch_size=50, window=20)
    made, lasted, quiet = batches(source_of(120), config, "train", PLAIN, seed=2), [], 0
    for number in range(10):
        x, own, weights = made.at(number, 0)
        away = x["samples"].numpy() != own.numpy()
        assert not weights.numpy()[away].any()
        for row in np.flatnonzero(away.any(axis=1)):
            back = 1 + int(np.flatnonzero(away[row])[-1])
            assert weights[row, max(back, config.context) :].numpy().all()
            lasted.append(back)
            quiet += bool((x["samples"][row, :back] == 128).numpy().all())
    assert 200 < len(lasted) < 270  # half of 500, but for those that are back at once
    assert 80 < quiet < 150
    assert config.context + config.window // 2 >= max(lasted) > config.context + 5
    *_, weights = batches(source_of(120), config, "train", PLAIN).at(0, 0)
    assert weights[0, config.context] == 1  # what is judged has none


def test_windows_know_where_they_may_be_moved_to():
    made = Windows.of(source_of(20).splits["train"], TINY)
    assert made.begins.tolist() == [0, 8, 16]
    assert made.counted.tolist() == [8, 8, 4]
    assert set(made.lasts) == {12}


def test_a_folder_gives_its_subfolders_as_classes_and_each_file_its_side(tiny):
    trained = tiny("wavenet")
    source = open_source(str(trained.source), trained.run.config)
    assert source.classes == ("drum", "flute")
    counts = {name: len(sounds.codes) for name, sounds in source.splits.items()}
    assert counts == {"train": 6, "valid": 2, "test": 2, "all": 10}  # 2 s of the 8 notes that train
    assert trained.run.assets.classes == source.classes
    again = Assets.load(trained.path / "assets")
    np.testing.assert_array_equal(again.baseline.counts, trained.run.assets.baseline.counts)


def test_what_is_no_sound_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"reads a folder of audio files, but .* is none"):
        open_source(str(tmp_path / "none"), TINY)
    with pytest.raises(UserError, match="must hold audio files"):
        open_source(str(tmp_path), TINY)
    soundfile.write(tmp_path / "one.wav", np.zeros(400), 8000)
    with pytest.raises(UserError, match=r"for each split, but its 1 files give none to"):
        open_source(str(tmp_path), TINY)
    for name in ("bad", "worse"):
        (tmp_path / f"{name}.wav").write_text("no sound")
    with pytest.raises(UserError, match=r"^2 of 3 recordings cannot be used .*bad.wav .*worse.wav"):
        open_source(str(tmp_path), TINY)
    for changes, said in (
        ({"context": 3}, "`context` must be at least 16"),
        ({"dilations": 40}, "`dilations` must be from 1 to 20, got 40"),
        ({"stacks": 100_000}, "`stacks` must be from 1 to 100"),
        ({"rate": 1}, "`rate` must be from 100 to 768,000, got 1"),
    ):
        with pytest.raises(UserError, match=said):
            replace(TINY, **changes)


def test_a_long_recording_is_dealt_out_in_pieces_up_to_the_seconds_that_are_asked_for(tmp_path):
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "long.wav", rng.normal(0, 0.1, 4_000_000), 8000)  # 50 pieces
    splits = open_source(str(tmp_path), TINY).splits
    assert splits["all"].samples <= 3 * 2.0 * TINY.rate
    whole = open_source(str(tmp_path), replace(TINY, seconds=0.0))
    assert whole.splits["all"].samples == 4_000_000
    assert whole.classes == ()
    assert "class" not in batches(whole, TINY, "train", prepare(whole, TINY)).at(0, 0)[0]


def test_instruments_are_audible_in_range_and_unlike_each_other():
    sounds, names = instruments.notes("valid", 8000, 10)
    assert set(names) == set(instruments.INSTRUMENTS)
    for sound in sounds:
        assert len(sound) == 6000
        assert 0.2 < np.abs(sound).max() <= 1
    again, _ = instruments.notes("valid", 8000, 10)
    np.testing.assert_array_equal(sounds[3], again[3])
    other, _ = instruments.notes("test", 8000, 10)
    assert not np.array_equal(sounds[3], other[3])


@pytest.mark.parametrize("name", sorted(set(instruments.INSTRUMENTS) - {"drum"}))
def test_a_note_has_the_pitch_that_it_was_given(name):
    t = np.arange(round(instruments.SECONDS * instruments.RATE)) / instruments.RATE
    sound = instruments.INSTRUMENTS[name](np.random.default_rng(1), 320.0, t)
    middle = sound[4000:20000]
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 17)) ** 2
    spacing = np.fft.irfft(power)[: instruments.RATE // 200]  # autocorrelation
    period = instruments.RATE // 450 + np.argmax(spacing[instruments.RATE // 450 :])
    assert instruments.RATE / period == pytest.approx(320, rel=0.02)
