"""How recordings become batches: in order first, varied by their seeds alone, hostile data told."""

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from kerasrnn.apps import deepspeech
from kerasrnn.apps.deepspeech import synth, voices
from kerasrnn.apps.deepspeech.data import Assets, batches, open_source, prepare
from kerasrnn.apps.deepspeech.front import Front
from kerasrnn.apps.deepspeech.variety import equaliser, noisy, played, varied
from kerasrnn.data import augment
from kerasrnn.data.features import Statistics
from kerasrnn.errors import UserError
from kerasrnn.settings import replace

TINY = replace(deepspeech.PRESETS["tiny"], clips=0)
SEEDS = augment.seeds(3, count=12)


def folder(path, texts, seconds=None, rate=8000):
    """A manifest of tones: `seconds` of each; row n is a tone of 200 + 10 n Hz."""
    path.mkdir(exist_ok=True)
    lines = ["path,transcript,split"]
    for number, text in enumerate(texts):
        count = round(rate * (0.3 + 0.05 * number if seconds is None else seconds[number]))
        sound = 0.3 * np.sin(2 * np.pi * (200 + 10 * number) * np.arange(count) / rate)
        soundfile.write(path / f"{number}.wav", sound, rate)
        lines.append(f'{number}.wav,"{text}",{"valid" if number == 0 else "train"}')
    (path / "m.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


def lengths_of(batch):
    x, _, weights = batch
    return x["frames"].numpy()[weights.numpy() > 0]


def test_the_first_pass_goes_from_short_to_long_and_each_pass_holds_every_clip_once(tmp_path):
    config = replace(TINY, speed=0.0, shift=0.0, batch_size=4, buckets=3)
    source = open_source(folder(tmp_path / "a", ["ab"] * 23), config)
    made = batches(source, config, "train", prepare(source, config), seed=7)
    wanted = sorted(Front(config).frames(int(n)) for n in source.splits["train"].sounds.lengths)
    passes = []
    for turn in range(3):
        at = [made.at(*(tf.constant(n, tf.int64) for n in (turn, k))) for k in range(made.count)]
        passes.append(np.concatenate([lengths_of(batch) for batch in at]))
        assert sorted(passes[-1]) == wanted
        assert {len(batch[2]) for batch in at} == {4}
    assert passes[0].tolist() == wanted
    assert passes[1].tolist() != passes[2].tolist()


def test_a_batch_depends_on_its_number_alone(tmp_path):
    source = open_source(folder(tmp_path / "a", ["ab", "b c", "a"] * 5), TINY)
    assets = prepare(source, TINY)
    one, two = (batches(source, TINY, "train", assets, seed=4) for _ in range(2))
    list(one.endless(0).take(3))
    for (x, y, w), (x2, y2, w2) in zip(one.endless(2).take(3), two.endless(2).take(3), strict=True):
        np.testing.assert_array_equal(x["features"], x2["features"])
        np.testing.assert_array_equal(y, y2)
        np.testing.assert_array_equal(w, w2)


def test_targets_are_steps_sizes_and_letters(tmp_path):
    config = replace(TINY, stride=3, buckets=1)
    source = open_source(folder(tmp_path / "a", ["x", "Ab, b!", "a"]), config)
    assets = prepare(source, config)
    assert assets.alphabet == " ab"
    x, y, w = next(iter(batches(source, config, "train", assets).one_pass()))
    # ⌈35 / 3⌉ and ⌈40 / 3⌉ steps
    assert y.numpy()[:2].tolist() == [[12, 4, 1, 2, 0, 2], [14, 1, 1, 0, 0, 0]]
    assert w.numpy().tolist() == [1, 1] + [0] * 6
    assert not x["features"].numpy()[0, 35:].any()
    assert Assets("zß", assets.statistics).spell("ßaz") == [1, 0]


def test_frames_end_where_they_say():
    front = Front(TINY, None)
    click = np.zeros((1, 4000), np.float32)
    click[0, 1000] = 1
    heard = front(tf.constant(click)).numpy()[0].max(axis=1)
    assert len(heard) == 50
    # frame 12 holds the samples 880 … 1039
    assert np.flatnonzero(heard > heard.min() + 1).tolist() == [12, 13]


def test_a_clip_played_faster_is_shorter_and_higher():
    time = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 400 * time).astype(np.float32)
    before = tf.constant([30])
    audio, lengths = played(
        tf.constant(tone[None]), tf.constant([8000], tf.int64), tf.constant([1.1]), before, 0.88, 60
    )
    assert lengths.numpy() == [7302]
    wanted = np.sin(2 * np.pi * 440 * np.arange(7272) / 8000)
    np.testing.assert_allclose(audio[0, 33:7290], wanted[3:7260], atol=1e-2)
    assert not audio[0, :30].numpy().any()
    assert not audio[0, 7302:].numpy().any()
    assert audio.shape[1] == np.ceil(8000 / 0.88) + 60


def test_a_clip_begins_later_and_nothing_of_it_is_lost():
    audio = tf.constant(np.arange(1.0, 11.0, dtype=np.float32)[None].repeat(50, 0) / 16)
    config = replace(TINY, speed=0.0, shift=4 / TINY.rate, noise=0.0, level=0.0)
    moved, lengths = varied(audio, tf.fill([50], tf.constant(10, tf.int64)), config, SEEDS)
    begins = set()
    for row, length in zip(16 * moved.numpy(), lengths.numpy(), strict=True):
        place = np.flatnonzero(row)
        assert row[place].tolist() == list(range(1, 11))
        assert place[-1] < length <= 18
        begins.add(place[0])
    assert begins == set(range(5))


def test_noise_lies_at_its_level_and_not_behind_the_clip():
    config = replace(TINY, noise=1.0, snr=(10.0, 10.0))
    audio = np.zeros((3, 8000), np.float32)
    audio[:, :5000] = np.random.default_rng(0).normal(0, 0.1, (3, 5000))
    lengths = tf.fill([3], tf.constant(5000, tf.int64))
    mixed = noisy(tf.constant(audio), lengths, config, SEEDS).numpy()
    noise = (mixed - audio)[:, :5000]
    ratio = 10 * np.log10((audio[:, :5000] ** 2).mean(1) / (noise**2).mean(1))
    np.testing.assert_allclose(ratio, 10, atol=1.0)
    assert not mixed[:, 5000:].any()


def test_an_equaliser_is_a_smooth_curve_of_the_given_deviation():
    curve = equaliser(tf.zeros([2000, 1, 40]), 3.0, SEEDS[0]).numpy()[:, 0]
    decibels = curve * 10 / np.log(10)
    np.testing.assert_allclose(decibels[:, [0, -1]].std(axis=0), 3, rtol=0.1)
    assert np.abs(np.diff(decibels)).max() < 3


@pytest.mark.parametrize(
    ("texts", "settings", "says"),
    [
        (["a", "a b1", "ab"], {"alphabet": "ab"}, "hold other letters, 1: 1.wav"),
        (["a", "?", "!"], {}, "must hold letters, got none"),
        (["a", "b"], {"longest": 1e-3}, "lasts at most longest=0.001 s, got none"),
    ],
)
def test_transcripts_that_cannot_be_learned_are_told(tmp_path, texts, settings, says):
    config = replace(TINY, **settings)
    with pytest.raises(UserError, match=says):
        prepare(open_source(folder(tmp_path / "a", texts), config), config)


def test_recordings_too_short_for_their_letters_are_counted(tmp_path, capsys):
    config = replace(TINY, stride=3)
    texts, seconds = ["a", "aa", "ab", "aa"], [1, 0.06, 0.06, 0.09]  # 2, 2 and 3 steps
    prepare(open_source(folder(tmp_path / "a", texts, seconds), config), config)
    assert "1 of 3 training recordings have fewer steps than letters" in capsys.readouterr().err


def test_letters_that_training_lacked_count_as_errors_and_are_told_once(tmp_path, tiny, capsys):
    run = tiny("deepspeech").run
    metrics = run.evaluate(folder(tmp_path / "a", ["zz", "zz", "nö"]), split="all")
    assert metrics["cer"] >= 5 / 6
    assert "5 letters of the all transcripts are not among those" in capsys.readouterr().err


def test_a_toys_letters_are_chords_that_differ():
    rng = np.random.default_rng(0)
    sounds = {letter: voices.toy(letter, 3, 8000, rng) for letter in "abcdefghijklmnopqrstuvwxyz"}
    peaks = set()
    for sound in sounds.values():
        spectrum = np.abs(np.fft.rfft(sound, 8192))
        first = int(spectrum.argmax())
        spectrum[max(0, first - 30) : first + 30] = 0
        peaks.add(frozenset((first // 25, int(spectrum.argmax()) // 25)))
    assert len(peaks) >= 24
    assert voices.toy("a b", 3, 8000, rng).dtype == np.float32


def test_the_default_is_a_toy_where_nothing_speaks(monkeypatch):
    monkeypatch.setattr(voices, "installed", lambda: ())
    monkeypatch.setattr(synth, "installed", lambda: ())
    monkeypatch.setattr(synth, "COUNTS", {"train": 6, "valid": 3, "test": 3})
    source = open_source(None, replace(TINY, clips=4))
    assert "toy" in source.name
    assert [len(source.splits[name]) for name in ("train", "valid", "test")] == [4, 3, 3]
    assert all(voice.program == "toy" for voice in synth.voices("test"))
    assert (source.splits["train"].sounds.lengths > 800).all()


@pytest.mark.parametrize("programs", [(), ("espeak-ng",), ("flite",), ("espeak-ng", "flite")])
def test_no_voice_is_in_two_splits_whatever_is_installed(programs, monkeypatch):
    monkeypatch.setattr(synth, "installed", lambda: programs)
    shares = [synth.voices(split) for split in synth.COUNTS]
    assert all(sum(split.values()) == pytest.approx(1) for split in shares)
    assert sum(map(len, shares)) == len({voice for split in shares for voice in split})
    for split in shares[::2]:  # train, test
        assert {voice.program for voice in split} == set(programs or ["toy"])


@pytest.mark.skipif(not voices.installed(), reason="neither espeak-ng nor flite is installed")
def test_installed_programs_speak():
    for program in voices.installed():
        voice = next(voice for voice in synth.voices("test") if voice.program == program)
        sound = voice.say("two", 8000, np.random.default_rng(0), voices.VARIED)
        assert 1000 < len(sound) < 16000
        assert np.abs(sound).max() > 0.01


@pytest.mark.skipif(not voices.installed(), reason="neither espeak-ng nor flite is installed")
def test_a_smaller_throat_moves_the_formants_up_and_keeps_the_speed():
    def said(size):
        manner = voices.Manner((1.0, 1.0), (0.0, 0.0), (size, size))
        voice = next(iter(synth.voices("train")))
        sound = voice.say("four nine one", 8000, np.random.default_rng(0), manner)
        power = np.abs(np.fft.rfft(sound)) ** 2
        return len(sound), np.sum(power * np.linspace(0, 4000, len(power))) / np.sum(power)

    (long, low), (short, high) = said(1.0), said(1.25)
    assert short == pytest.approx(long, rel=0.15)
    assert high > 1.1 * low


def test_statistics_are_those_of_the_training_clips(tmp_path):
    source = open_source(folder(tmp_path / "a", ["a"] * 6), TINY)
    found = prepare(source, TINY).statistics
    front = Front(TINY, None)
    train = source.splits["train"].sounds
    frames = np.concatenate([front(tf.constant(train[k][None]))[0] for k in range(5)])
    np.testing.assert_allclose(found.mean, frames.mean(axis=0), atol=1e-4)
    assert isinstance(found, Statistics)
