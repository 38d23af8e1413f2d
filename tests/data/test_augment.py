"""Augmentation: what is drawn, that it is drawn again from the same seed, and batches by length."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.data import augment, tfio
from kerasrnn.data.buckets import bounds, bucketed

SEED = tf.constant([3, 4])


def test_a_shift_turns_each_row_by_its_own_draw():
    audio = tf.constant(np.arange(40, dtype=np.float32).reshape(4, 10))
    moved = augment.time_shift(audio, 3, SEED).numpy()
    shifts = [int(-(row[0] - 10 * k)) % 10 for k, row in enumerate(moved)]
    for row, begin, shift in zip(moved, audio.numpy(), shifts, strict=True):
        assert np.array_equal(row, np.roll(begin, shift))
        assert shift <= 3 or shift >= 7
    assert np.array_equal(moved, augment.time_shift(audio, 3, SEED))


def test_noise_comes_at_the_snr_that_was_asked_for():
    rng = np.random.default_rng(0)
    signal, noise = (rng.normal(0, d, (3, 500)).astype(np.float32) for d in (0.1, 7.0))
    snr = np.array([-6, 0, 20], np.float32)
    added = augment.add_noise(signal, noise, tf.constant(snr)).numpy() - signal
    ratio = 10 * np.log10((signal**2).mean(1) / (added**2).mean(1))
    np.testing.assert_allclose(ratio, snr, atol=1e-2)
    assert np.array_equal(augment.add_noise(signal, 0 * noise, tf.constant(snr)), signal)


def test_pink_noise_loses_three_decibels_an_octave_and_level_stays_in_its_range():
    noise = augment.coloured_noise((200, 1024), SEED).numpy()
    np.testing.assert_allclose(noise.std(axis=1), 1, rtol=1e-3)
    power = (np.abs(np.fft.rfft(noise)) ** 2).mean(0)
    octaves = [power[k : 2 * k].mean() for k in (8, 16, 32, 64, 128, 256)]
    np.testing.assert_allclose(10 * np.diff(np.log10(octaves)), -3.01, atol=0.5)
    gains = 20 * np.log10(augment.level(tf.ones((500, 1)), 6.0, SEED).numpy())
    assert -6 <= gains.min() < -5
    assert 5 < gains.max() <= 6


def test_a_mask_is_the_one_that_tensorflow_io_makes_of_the_same_draws(monkeypatch):
    features = tf.ones((1, 30, 12))
    for ours, theirs, axis in (
        (augment.time_mask, "time_mask", 1),
        (augment.frequency_mask, "freq_mask", 2),
    ):
        for number in range(20):
            masked = ours(features, 6, tf.constant([number, 1]))[0].numpy()
            gone = np.flatnonzero(masked.min(axis=2 - axis) == 0)
            draws = iter([len(gone), gone[0] if len(gone) else 0])
            monkeypatch.setattr(
                tf.random, "uniform", lambda *a, d=draws, **k: tf.constant(int(next(d)))
            )
            assert np.array_equal(masked, getattr(tfio.audio(), theirs)(features[0], 6))


def test_mask_widths_and_places_reach_all_that_they_may():
    features = tf.ones((2000, 30, 12))
    masked = augment.time_mask(features, 6, SEED)[..., 0].numpy() == 0
    assert set(masked.sum(1)) == set(range(6))
    share = masked.mean(0)
    assert share[:-1].min() > 0
    assert share[-1] == 0  # as in the paper, whose places end before τ - t
    assert share[10:20].std() < 0.02


def test_seeds_differ_by_every_number_that_goes_in():
    made = [augment.seeds(*n, count=2).numpy().tobytes() for n in ((1, 2), (2, 1), (1, 3), (1, 2))]
    assert len(set(made)) == 3
    assert made[0] == made[3]


LENGTHS = [5, 90, 6, 88, 7, 40, 41, 42, 6]


@pytest.mark.parametrize("seed", [None, 7])
def test_every_pass_deals_out_each_example_once_beside_others_of_its_length(seed):
    def read(places, longest):
        return places, tf.gather(tf.constant(LENGTHS), places), longest

    batches = bucketed(LENGTHS, read, rows=2, buckets=3, seed=seed)
    orders = []
    for turn in range(3):
        dealt = []
        for index in range(batches.count):
            places, lengths, longest = batches.at(
                tf.constant(turn, tf.int64), tf.constant(index, tf.int64)
            )
            assert len(places) <= 2
            assert lengths.numpy().max() <= longest
            assert longest.numpy() in (7, 42, 90)
            dealt += places.numpy().tolist()
        assert sorted(dealt) == list(range(len(LENGTHS)))
        orders.append(dealt)
    assert (orders[0] == orders[1]) == (seed is None)
    with pytest.raises(ValueError, match="at least one example"):
        bucketed([], read, rows=2)


def padded(lengths, cuts):
    return sum(len(part) * part[-1] for part in np.split(lengths, cuts))


def test_buckets_pad_as_little_as_any_would():
    rng = np.random.default_rng(0)
    for _ in range(60):
        lengths = np.sort(rng.integers(1, 50, rng.integers(1, 11)))
        buckets = int(rng.integers(1, 5))

        ways = [
            cuts
            for count in range(min(buckets, len(lengths)))
            for cuts in itertools.combinations(range(1, len(lengths)), count)
        ]
        found = bounds(lengths, buckets)
        assert len(found) < buckets
        assert padded(lengths, found) == min(padded(lengths, list(cuts)) for cuts in ways)


def test_batches_of_long_examples_have_fewer_rows():
    batches = bucketed([9] * 10 + [40] * 10 + [200] * 3, lambda *x: x, rows=4, buckets=3, most=90)
    found = [[len(p), int(longest)] for p, longest in batches.one_pass()]
    assert found == [[4, 9], [4, 9], [2, 9]] + [[2, 40]] * 5 + [[1, 200]] * 3
