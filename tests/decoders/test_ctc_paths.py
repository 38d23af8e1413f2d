"""Greedy and prefix beam search over CTC frames: against the list of every labelling."""

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.decoders.ctc import align, confidences, greedy, prefix_beam
from tests.oracles.every_alignment import best_alignment, collapsed, every_labelling

S, BLANK, N = 4, 2, 6  # the blank is wherever it is said to be
FRAMES = np.array([5, 4, 3, 1, 0])
LOGITS = np.random.default_rng(0).normal(scale=1.5, size=(5, 5, S)).astype(np.float32)
LOWEST = np.finfo(np.float32).min


def search(logits, frames, width=200, n_best=N):
    return prefix_beam(logits, frames, BLANK, width, n_best)


def free_shapes(jit):
    spec = [tf.TensorSpec([None, None, S]), tf.TensorSpec([None], tf.int32)]
    return tf.function(search, spec, autograph=False, jit_compile=jit)


def runs(alignment) -> tuple[list[int], list[int]]:
    """First and last frames of an alignment's symbols."""
    framed = [None, *alignment, None]
    starts = [t for t, s in enumerate(alignment) if s not in (BLANK, framed[t])]
    ends = [t for t, s in enumerate(alignment) if s not in (BLANK, framed[t + 2])]
    return starts, ends


def read(path, row, place):
    """symbols, starts and ends of one labelling, after what stands behind them was seen to be -1."""
    length = int(path.lengths[row, place])
    parts = [np.asarray(part[row, place]) for part in (path.symbols, path.starts, path.ends)]
    assert all((part[length:] == -1).all() for part in parts)
    return [part[:length].tolist() for part in parts]


@pytest.mark.parametrize("jit", [None, True])
def test_a_wide_beam_finds_the_likeliest_labellings_with_their_probabilities_and_frames(jit):
    path = free_shapes(jit)(LOGITS, FRAMES.astype(np.int32))
    for row, frames in enumerate(FRAMES):
        logits = LOGITS[row, :frames]
        every = sorted(every_labelling(logits, BLANK).items(), key=lambda pair: -pair[1])[:N]
        for place, (labelling, chance) in enumerate(every):
            symbols, *places = read(path, row, place)
            assert symbols == list(labelling)
            assert tuple(places) == runs(best_alignment(labelling, logits, BLANK))
            found = path.log_probabilities[row, place]
            np.testing.assert_allclose(found, np.log(chance), rtol=1e-5, atol=1e-5)
        for place in range(len(every), N):
            assert read(path, row, place) == [[], [], []]
            assert path.log_probabilities[row, place] == LOWEST


@pytest.mark.parametrize("blank", range(S))
def test_no_two_labellings_are_taken_for_one_wherever_the_blank_is(blank):
    path = prefix_beam(LOGITS[:1], [5], blank, 400, 140)
    every = sorted(every_labelling(LOGITS[0], blank).values(), reverse=True)[:140]
    np.testing.assert_allclose(path.log_probabilities[0], np.log(every), rtol=1e-4)


def test_a_narrow_beam_never_claims_more_than_a_labelling_has_and_no_labelling_twice():
    rng = np.random.default_rng(1)
    for width in (1, 2, 3, 5):
        logits = rng.normal(size=(8, 6, S)).astype(np.float32)
        path = search(logits, np.full(8, 6), width, width)
        for row in range(8):
            every = every_labelling(logits[row], BLANK)
            found = [tuple(read(path, row, place)[0]) for place in range(width)]
            assert len(set(found)) == width
            scores = path.log_probabilities[row].numpy()
            assert (np.diff(scores) <= 0).all()
            assert (scores <= np.log([every[labelling] for labelling in found]) + 1e-5).all()


def test_greedy_reads_the_likeliest_alignment():
    path = greedy(LOGITS, FRAMES, BLANK)
    for row, frames in enumerate(FRAMES):
        alignment = LOGITS[row, :frames].argmax(axis=-1)
        symbols, *places = read(path, row, 0)
        assert tuple(symbols) == collapsed(alignment, BLANK)
        assert tuple(places) == runs(alignment)
        ln_y = tf.nn.log_softmax(LOGITS[row, :frames]).numpy()
        np.testing.assert_allclose(
            path.log_probabilities[row, 0], ln_y.max(axis=-1).sum(), atol=1e-5
        )


def test_a_row_is_read_alike_whatever_stands_behind_its_end_and_beside_it():
    alone = search(LOGITS[1:2, :4], [4])
    noise = LOGITS.copy()
    noise[:, 4:] = 9.0
    together = search(noise, FRAMES.clip(max=4))
    assert read(alone, 0, 0) == read(together, 1, 0)
    np.testing.assert_allclose(alone.log_probabilities[0], together.log_probabilities[1], atol=1e-6)


@pytest.mark.parametrize("shape", [(0, 5, S), (2, 0, S)])
def test_no_rows_and_no_frames_are_read_as_nothing(shape):
    path = free_shapes(None)(np.zeros(shape, np.float32), np.full(shape[0], shape[1], np.int32))
    assert path.symbols.shape == (shape[0], N, max(shape[1], 1))
    assert not np.any(path.lengths[:, 0])
    again = greedy(np.zeros(shape, np.float32), np.full(shape[0], shape[1]), 0)
    assert again.symbols.shape == (shape[0], 1, max(shape[1], 1))
    assert not np.any(again.lengths)


def test_a_labelling_with_more_symbols_than_frames_has_no_frames():
    starts, ends = align(
        LOGITS[:1],
        [2],
        np.array([[[0, 1, 3], [0, 0, -1], [3, -1, -1]]], np.int32),
        [[3, 2, 1]],
        BLANK,
    )
    assert (starts[0, :2].numpy() == -1).all()
    assert (ends[0, :2].numpy() == -1).all()
    expected = runs(best_alignment((3,), LOGITS[0, :2], BLANK))
    assert (starts[0, 2, 0], ends[0, 2, 0]) == (expected[0][0], expected[1][0])


def test_a_symbols_confidence_is_its_mean_probability_from_first_to_last_frame():
    path = search(LOGITS, FRAMES)
    found = confidences(path, LOGITS).numpy()
    y = tf.nn.softmax(LOGITS).numpy()
    for row, place in np.ndindex(len(FRAMES), N):
        spans = list(zip(*read(path, row, place), strict=True))
        expected = [y[row, first : last + 1, symbol].mean() for symbol, first, last in spans]
        np.testing.assert_allclose(found[row, place, : len(spans)], expected, atol=1e-6)
        assert not found[row, place, len(spans) :].any()


def test_a_beam_that_returns_more_than_it_keeps_is_refused():
    with pytest.raises(ValueError, match="`n_best` must be from 1 to the width, 2, got 3"):
        search(LOGITS, FRAMES, 2, 3)
