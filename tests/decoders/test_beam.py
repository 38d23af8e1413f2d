"""`beam_search`: against the search of all sequences, where there are few enough."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.decoders import beam_search, draws, generate
from tests.oracles.every_sequence import every_sequence, log_probability, normalised

V = 3
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=2, size=(997, V)).astype(np.float32)


def chain(read):
    """Logits after all that was read: a chain with memory, whose state no two histories share for long."""
    return LOGITS[place(read)]


def place(read):
    total = 0
    for token in read:
        total = (5 * total + token + 1) % len(LOGITS)
    return total


def step(tokens, states):
    total = (5 * states["total"] + tokens + 1) % len(LOGITS)
    return tf.gather(tf.constant(LOGITS), total), {"total": total}


def begin(batch):
    return {"total": tf.zeros([batch], tf.int32)}


def search(first, **options):
    """For each row the real ones of its (score, tokens), best first."""
    return listed(beam_search(step, begin(len(first)), np.int32(first), **options))


def listed(beams):
    rows = []
    for tokens, lengths, scores, count in zip(*(part.numpy() for part in beams), strict=True):
        real = zip(tokens[:count], lengths[:count], scores[:count], strict=True)
        rows.append([(score, row[:n].tolist()) for row, n, score in real])
        assert not tokens[count:].any()
        assert not lengths[count:].any()
        assert (scores[count:] == np.finfo(np.float32).min).all()
        assert all(not row[n:].any() for row, n in zip(tokens, lengths, strict=True))
    return rows


def agree(got, expected):
    assert [tokens for _, tokens in got] == [tokens for _, tokens in expected]
    np.testing.assert_allclose([s for s, _ in got], [s for s, _ in expected], rtol=1e-5, atol=1e-6)


CASES = [
    {"length": 4, "end": 0},
    {"length": 4, "end": 2, "alpha": 0.7},
    {"length": 4, "end": 1, "alpha": 2.0},
    {"length": 4, "end": 0, "alpha": 1.0, "min_length": 2},
    {"length": 3, "end": None},
    {"length": 5, "end": 0, "alpha": 0.6, "no_repeat_ngram": 2},
    {"length": 4, "end": 0, "no_repeat_ngram": 1},
    {"length": 4, "end": 2, "alpha": 1.0, "forbidden": (1,)},
    {"length": 1, "end": 0},
    {"length": 0, "end": 0},
]


@pytest.mark.parametrize("options", CASES, ids=str)
def test_a_beam_as_wide_as_there_are_sequences_finds_them_all_in_order(options):
    width = V ** max(options["length"], 1)
    forbidden = options.get("forbidden")
    mask = {} if forbidden is None else {"forbidden": [i in forbidden for i in range(V)]}
    got = search([0, 1, 2], width=width, **options | mask)
    for first in range(V):
        expected = every_sequence(chain, first, V, **options)
        assert 0 < len(expected) <= width
        agree(got[first], expected)


@pytest.mark.parametrize("alpha", [0.0, 0.8])
def test_the_n_best_are_those_of_the_search_without_an_early_end(alpha):
    expected = every_sequence(chain, 1, V, 6, 0, alpha)
    for nbest in (1, 4):
        got = search([1], width=V**6, nbest=nbest, length=6, end=0, alpha=alpha)
        agree(got[0], expected[:nbest])


def test_a_width_of_one_without_normalisation_is_greedy():
    first = np.int32(range(V))
    for end in range(V):
        got = search(first, width=1, length=9, end=end)
        tokens, lengths = generate(
            step,
            first[:, None],
            np.ones(V),
            begin(V),
            length=9,
            uniforms=draws([0] * V, 9),
            temperature=0,
            stop=[end],
        )
        rows = [row[:n].tolist() for row, n in zip(tokens.numpy(), lengths.numpy(), strict=True)]
        assert [row[0][1] for row in got] == rows


def by_hand(first, width, length, end, alpha):
    """The search as its docstring tells it, with lists, and without the early end."""
    live, found = [(0.0, [])], []
    for t in range(length):
        ranked = sorted(
            (
                (log_probability(chain, first, [*tokens, token]), [*tokens, token])
                for _, tokens in live
                for token in range(V)
            ),
            key=lambda one: -one[0],
        )
        live = []
        for rank, (total, tokens) in enumerate(ranked[: 2 * width]):
            if tokens[-1] == end or t + 1 == length:
                if rank < width:
                    found.append((normalised(total, t + 1, alpha), tokens))
            elif len(live) < width:
                live.append((total, tokens))
    return sorted(found, key=lambda one: -one[0])[:width]


@pytest.mark.parametrize(("width", "alpha"), [(2, 0.0), (2, 1.0), (3, 0.6), (4, 0.0), (5, 2.0)])
def test_a_narrow_beam_prunes_as_the_loop_by_hand_does(width, alpha):
    got = search(range(V), width=width, length=8, end=0, alpha=alpha)
    for first in range(V):
        agree(got[first], by_hand(first, width, 8, 0, alpha))


def test_each_score_is_what_teacher_forcing_gives_whatever_was_forbidden():
    options = {"min_length": 2, "no_repeat_ngram": 2, "forbidden": [False, True, False]}
    for first in range(V):
        row = search([first], width=4, length=7, end=0, alpha=0.9, **options)[0]
        assert row
        for score, tokens in row:
            expected = normalised(log_probability(chain, first, tokens), len(tokens), 0.9)
            assert score == pytest.approx(expected, abs=1e-5)


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
