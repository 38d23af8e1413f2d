"""The stream of chunks, against a walk through the documents in plain Python."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasrnn.data.streams import token_stream

LENGTHS = st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(lambda n: max(n) > 1)
ROWS, STEPS = st.integers(1, 5), st.integers(1, 8)
QUICK = settings(max_examples=25, deadline=None)


def documents_of(lengths):
    """Documents in which a token says where it stands: 0, 1, 2, … through all of them."""
    borders = np.cumsum([0, *lengths])
    return [np.arange(a, b) for a, b in pairwise(borders)]


def one_pass(stream, number=0):
    """The batches of a pass as NumPy: tokens, reset, targets, weights, each (S, B, …)."""
    batches = [stream.at(np.int64(number), np.int64(index)) for index in range(stream.count)]
    columns = [(x["tokens"], x["reset"], y, w) for x, y, w in batches]
    return [np.stack(column) for column in zip(*columns, strict=True)]


def pairs(tokens, targets, weights):
    """(token, target) of every prediction that counts."""
    counts = weights > 0
    return list(zip(tokens[counts].tolist(), targets[counts].tolist(), strict=True))


def walk(documents):
    """Every transition of every document, by hand."""
    return [(int(a), int(b)) for d in documents for a, b in pairwise(d)]


@QUICK
@given(LENGTHS, ROWS, STEPS)
def test_a_pass_predicts_every_transition_of_every_document_once(lengths, rows, steps):
    documents = documents_of(lengths)
    tokens, _, targets, weights = one_pass(token_stream(documents, rows=rows, steps=steps))
    assert tokens.shape[1:] == (rows, steps)
    assert set(np.unique(weights)) <= {0.0, 1.0}
    assert sorted(pairs(tokens, targets, weights)) == walk(documents)


@QUICK
@given(LENGTHS, ROWS, STEPS)
def test_a_row_reads_on_until_a_reset_and_a_document_begins_with_one(lengths, rows, steps):
    documents = documents_of(lengths)
    heads = {int(document[0]) for document in documents if len(document) > 1}
    tokens, reset, targets, weights = one_pass(token_stream(documents, rows=rows, steps=steps))
    for row in range(rows):
        for index, flag in enumerate(reset[:, row]):
            used = weights[index, row] > 0
            if not used.any():
                continue
            assert used[: used.sum()].all()  # only the end of a chunk is unused
            first = int(tokens[index, row, 0])
            assert flag == (index == 0 or first in heads)
            if not flag:
                assert first == targets[index - 1, row, -1]
                assert weights[index - 1, row].all()


@QUICK
@given(LENGTHS, ROWS, STEPS, st.integers(0, 2**32 - 1), st.integers(0, 9))
def test_moved_cuts_lose_less_than_a_chunk_at_the_head_of_long_documents(
    lengths, rows, steps, seed, number
):
    documents = documents_of(lengths)
    stream = token_stream(documents, rows=rows, steps=steps, seed=seed)
    tokens, _, targets, weights = one_pass(stream, number)
    got = sorted(pairs(tokens, targets, weights))
    by_shift = [
        walk([d[shift:] if len(d) > 2 * steps else d for d in documents]) for shift in range(steps)
    ]
    assert got in by_shift


def test_each_pass_and_each_seed_moves_the_cuts_elsewhere():
    def shifts(seed):
        stream = token_stream(documents_of([100]), rows=1, steps=16, seed=seed)
        return [int(stream.at(np.int64(n), np.int64(0))[0]["tokens"][0, 0]) for n in range(15)]

    assert len(set(shifts(0))) > 5
    assert shifts(0) != shifts(1)


def flat(batch):
    x, y, w = batch
    return [np.asarray(part) for part in (x["tokens"], x["reset"], y, w)]


@pytest.mark.parametrize("start", [0, 1, 3, 4, 11])
def test_an_endless_stream_begun_late_equals_the_one_begun_at_first(start):
    stream = token_stream(documents_of([70, 3, 31]), rows=3, steps=8, seed=7)
    whole = [flat(batch) for batch in stream.endless().take(start + 9)]
    late = [flat(batch) for batch in stream.endless(start).take(9)]
    assert stream.count == 5
    for ours, theirs in zip(late, whole[start:], strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_dataset_pass_is_pass_zero_in_the_types_that_are_said():
    stream = token_stream(documents_of([20, 9]), rows=2, steps=5)
    got = [flat(batch) for batch in stream.one_pass()]
    expected = zip(*one_pass(stream), strict=True)
    for ours, theirs in zip(got, expected, strict=True):
        assert [part.dtype for part in ours] == [np.int32, np.bool_, np.int32, np.float32]
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_tokens_beyond_16_bits_stay_what_they_are():
    tokens, _, targets, _ = one_pass(token_stream([np.array([70_000, 5, 2**20])], rows=1, steps=2))
    assert tokens.tolist() == [[[70_000, 5]]]
    assert targets.tolist() == [[[5, 2**20]]]


def test_documents_without_a_transition_are_refused():
    with pytest.raises(ValueError, match="at least two tokens"):
        token_stream([np.arange(1), np.arange(0)], rows=1, steps=4)
