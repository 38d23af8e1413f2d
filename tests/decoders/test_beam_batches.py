"""`beam_search` on whatever comes: rows of any number, odd networks, servers, XLA, wrong arguments."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.decoders import beam_search
from tests.oracles.every_sequence import log_probability
from tests.oracles.token_chain import LOGITS, V, agree, begin, listed, place, search, step

ROWS = {"length": [5, 0, 8, 3], "alpha": [0.0, 1.0, 0.7, 2.0], "min_length": [0, 1, 3, 0]}


def test_a_row_depends_neither_on_the_other_rows_nor_on_the_room_after_it():
    firsts = [0, 2, 1, 1]
    together = search(firsts, width=3, end=0, **ROWS)
    assert search(firsts, width=3, end=0, longest=20, **ROWS) == together
    for row, first in enumerate(firsts):
        alone = {name: values[row] for name, values in ROWS.items()}
        agree(search([first], width=3, end=0, **alone)[0], together[row])


def test_no_two_answers_are_the_same_and_more_places_than_sequences_stay_empty():
    beams = beam_search(step, begin(2), [0, 1], width=50, length=2, end=0)
    assert beams.counts.numpy().tolist() == [1 + 2 * 3] * 2  # "0", and 1 or 2 before any token
    for row in listed(beams):
        assert len({tuple(tokens) for _, tokens in row}) == len(row)


def test_a_batch_of_no_rows_has_no_answers():
    beams = beam_search(step, begin(0), np.int32([]), width=3, nbest=2, length=4, end=0)
    assert [part.shape for part in beams] == [(0, 2, 4), (0, 2), (0, 2), (0,)]


def test_a_vocabulary_of_one_token_has_one_sequence():
    def only(tokens, states):
        return tf.zeros([tf.size(tokens), 1]), states

    found = listed(beam_search(only, begin(1), [0], width=3, length=4))
    assert found == [[(0.0, [0, 0, 0, 0])]]
    assert listed(beam_search(only, begin(1), [0], width=3, length=4, end=0)) == [[(0.0, [0])]]


def test_a_network_that_answers_nan_finds_nothing():
    def broken(tokens, states):
        return tf.fill([tf.size(tokens), V], np.nan), states

    assert listed(beam_search(broken, begin(1), [0], width=2, length=4, end=0)) == [[]]


def test_where_nothing_may_be_written_nothing_is_found():
    assert search([0], width=2, length=3, end=0, forbidden=[True] * V) == [[]]
    assert search([0], width=2, length=4, end=0, min_length=9, no_repeat_ngram=1) == [[]]


def test_a_token_of_no_probability_is_never_part_of_an_answer():
    def blocked(tokens, states):
        logits, states = step(tokens, states)
        return tf.where([False, True, False], -np.inf, logits), states

    for width in (1, 2, 9):
        beams = beam_search(blocked, begin(1), [0], width=width, length=3, end=0)
        assert beams.counts[0] == min(width, 1 + 1 + 2)
        assert all(1 not in tokens for _, tokens in listed(beams)[0])


def test_a_dead_beam_whose_network_answers_nan_spoils_no_other():
    """At the first step all beams but one are dead."""

    def spoilt(tokens, states):
        logits, states = step(tokens, states)
        alive = tf.range(tf.size(tokens)) % 3 == 0
        return tf.where(alive[:, None] | (states["total"] != 1)[:, None], logits, np.nan), states

    clean = search([0], width=3, length=1, end=0)
    assert listed(beam_search(spoilt, begin(1), [0], width=3, length=1, end=0)) == clean


def test_the_search_ends_as_soon_as_nothing_alive_can_win():
    calls = []

    def counted(tokens, states):
        tf.py_function(lambda: calls.append(1), [], [])
        logits = tf.where(tf.range(V) == 0, 9.0, 0.0)[None, :] + tf.zeros([tf.size(tokens), 1])
        return logits, states

    beam_search(counted, begin(2), [1, 2], width=3, nbest=1, length=50, end=0)
    assert len(calls) == 1  # "end" at once is likelier than all else
    calls.clear()
    beam_search(counted, begin(2), [1, 2], width=3, nbest=1, length=[3, 7], end=None)
    assert len(calls) == 7


class Served(tf.Module):
    """`beam_search` as a server would call it: any batch, any options, tensors all."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([], tf.int32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ],
        autograph=False,
    )
    def search(self, first, width, length, alpha, min_length):
        states = begin(tf.shape(first)[0])
        options = {"alpha": alpha, "min_length": min_length, "no_repeat_ngram": 3}
        return beam_search(step, states, first, width=width, length=length, end=0, **options)


REQUEST = tuple(map(np.asarray, ROWS.values()))


def test_a_saved_model_finds_the_same(tmp_path):
    tf.saved_model.save(Served(), tmp_path / "served")
    served = tf.saved_model.load(tmp_path / "served")
    for width, firsts in itertools.product((1, 4), ([0, 2, 1, 1], [1])):
        rows = {name: values[: len(firsts)] for name, values in ROWS.items()}
        kinds = zip(rows.values(), ("int32", "float32", "int32"), strict=True)
        tensors = [tf.constant(values, kind) for values, kind in kinds]
        found = served.search(tf.constant(firsts), tf.constant(width), *tensors)
        expected = search(firsts, width=width, end=0, no_repeat_ngram=3, **rows)
        for got, wanted in zip(listed(found), expected, strict=True):
            agree(got, wanted)


@pytest.mark.parametrize("extra", [{}, {"no_repeat_ngram": 2, "forbidden": [False, False, True]}])
def test_xla_finds_the_same_and_takes_the_lengths_from_the_values(extra):
    @tf.function(jit_compile=True, autograph=False)
    def compiled(first, length, alpha, min_length):
        options = {"length": length, "alpha": alpha, "min_length": min_length} | extra
        return beam_search(step, begin(4), first, width=4, nbest=3, end=0, longest=9, **options)

    for length in ([5, 0, 8, 3], [1, 9, 2, 9]):
        rows = ROWS | {"length": length}
        found = compiled(
            np.int32([0, 2, 1, 1]),
            np.int32(length),
            np.float32(rows["alpha"]),
            np.int32(rows["min_length"]),
        )
        expected = search([0, 2, 1, 1], width=4, nbest=3, end=0, longest=9, **rows | extra)
        for got, wanted in zip(listed(found), expected, strict=True):
            agree(got, wanted)


def test_half_precision_logits_are_added_up_in_single_precision():
    def halved(tokens, states):
        logits, states = step(tokens, states)
        return tf.cast(logits, tf.bfloat16), states

    row = listed(beam_search(halved, begin(1), [0], width=2, length=40, end=None))[0]
    rounded = tf.cast(tf.cast(LOGITS, tf.bfloat16), tf.float32).numpy()
    expected = log_probability(lambda read: rounded[place(read)], 0, row[0][1])
    assert row[0][0] == pytest.approx(expected, abs=1e-4)


def test_wrong_arguments_are_refused_in_one_sentence():
    def call(first=(0,), width=2, length=3, **options):
        return beam_search(step, begin(1), first, width=width, length=length, **options)

    with pytest.raises(ValueError, match=r"`first` must have axes \(batch\), got shape \(1, 1\)"):
        call(first=[[0]])
    with pytest.raises(ValueError, match=r"`width` must be at least 1, got 0"):
        call(width=0)
    with pytest.raises(ValueError, match=r"`length` must be at least 0, got -1"):
        call(length=-1)
    with pytest.raises(ValueError, match=r"`alpha` must be at least 0, got -0.1"):
        call(alpha=-0.1)
    with pytest.raises(ValueError, match=r"`no_repeat_ngram` must be at least 0, got -2"):
        call(no_repeat_ngram=-2)
    with pytest.raises(ValueError, match=r"`min_length` must be at least 0"):
        call(min_length=-1)
    with pytest.raises(ValueError, match=r"`nbest` must be from 1 to the width, 2, got 3"):
        call(nbest=3)
