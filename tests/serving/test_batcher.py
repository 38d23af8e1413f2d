"""Requests answered together: the same answers as alone, and one request's fault is its own."""

import asyncio
import threading
import time

import numpy as np
import pytest

from kerasrnn.serving.batcher import Batcher
from kerasrnn.serving.refusal import Refusal, invalid


class Double:
    """A signature that doubles x, refuses what is negative, and counts the rows of its runs."""

    name, one_by_one = "double", ""

    def __init__(self):
        self.runs, self.gate = [], threading.Event()
        self.gate.set()

    def __call__(self, inputs):
        self.gate.wait(30)
        x = inputs["x"]
        self.runs.append(len(x))
        if (x < 0).any():
            raise invalid("negative")
        return {"y": 2 * x, "place": np.arange(len(x)) * 0}


class First(Double):
    """Answers one row whatever it is asked."""

    def __call__(self, inputs):
        return {"y": super().__call__(inputs)["y"][:1]}


def together(signature, requests, *, largest=8, wait=0.2, threads=1, said=None):
    """The answers, or refusals, of requests that come at once."""

    async def ask_all():
        batcher = Batcher(largest, wait, threads, [].append if said is None else said.append)
        asked = [batcher.ask(signature, {"x": np.asarray(x)}) for x in requests]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert not batcher._queues
        batcher.close()
        return answers

    return asyncio.run(ask_all())


def test_each_gets_its_own_rows_of_one_run():
    signature = Double()
    answers = together(signature, [[1], [2, 3], [4]])
    assert [answer["y"].tolist() for answer in answers] == [[2], [4, 6], [8]]
    assert signature.runs == [4]


def test_a_batch_has_no_more_rows_than_the_largest_but_for_a_larger_request():
    signature = Double()
    requests = [[row] for row in range(11)] + [[7] * 9]
    answers = together(signature, requests, largest=4)
    assert [answer["y"].tolist() for answer in answers] == [
        [2 * x for x in row] for row in requests
    ]
    assert sorted(signature.runs) == [3, 4, 4, 9]


def test_a_full_batch_does_not_wait():
    signature = Double()
    begun = time.monotonic()
    together(signature, [[1]] * 4, largest=4, wait=20.0)
    assert time.monotonic() - begun < 10


def test_other_shapes_and_unequal_rows_go_apart():
    signature = Double()
    answers = together(signature, [np.ones((1, 2)), np.ones((1, 3)), np.ones((2, 2))])
    assert [answer["y"].shape for answer in answers] == [(1, 2), (1, 3), (2, 2)]
    assert sorted(signature.runs) == [1, 3]


def test_a_refused_request_fails_alone():
    answers = together(Double(), [[1], [-1], [3]])
    assert answers[0]["y"].tolist() == [2]
    assert isinstance(answers[1], Refusal)
    assert answers[2]["y"].tolist() == [6]


def test_a_signature_that_does_not_answer_row_by_row_is_found_out_and_said():
    said, signature = [], First()
    answers = together(signature, [[1], [2]], said=said)
    assert [answer["y"].tolist() for answer in answers] == [[2], [4]]
    assert signature.one_by_one == "`y` has (1,) for 2 rows"
    assert said == ["double is answered one by one: `y` has (1,) for 2 rows."]
    assert together(signature, [[5], [6]])[1]["y"].tolist() == [12]


@pytest.mark.parametrize("reason", ["", "some reason"])
def test_a_batch_of_one_or_a_signature_one_by_one_answers_each_alone(reason):
    signature = Double()
    signature.one_by_one = reason
    together(signature, [[1]] * 3, largest=64 if reason else 1)
    assert signature.runs == [1, 1, 1]


def test_those_who_gave_up_are_not_run_and_more_is_collected_while_the_thread_is_busy():
    signature = Double()

    async def ask():
        batcher = Batcher(8, 0.01, 1, [].append)
        signature.gate.clear()
        first = asyncio.create_task(batcher.ask(signature, {"x": np.ones(1)}))
        while not batcher._free.locked():
            await asyncio.sleep(0.01)
        others = [
            asyncio.create_task(batcher.ask(signature, {"x": np.full(1, n)})) for n in range(5)
        ]
        await asyncio.sleep(0.05)
        others.pop(0).cancel()
        signature.gate.set()
        answers = await asyncio.gather(first, *others)
        batcher.close()
        return [answer["y"].tolist() for answer in answers]

    assert asyncio.run(ask()) == [[2.0], [2.0], [4.0], [6.0], [8.0]]
    assert signature.runs == [1, 4]
