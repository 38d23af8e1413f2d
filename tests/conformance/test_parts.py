"""Processes that learn together read each row of a batch once, whatever the app."""

import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.app import app_names, find_app
from kerasrnn.data.batching import Batches, dealt, filled, mine, whole

TURN, INDEX = (tf.constant(number, tf.int64) for number in (1, 0))


def flat(batch) -> list[np.ndarray]:
    return [np.asarray(part) for part in tf.nest.flatten(batch)]


@pytest.mark.parametrize("name", app_names())
def test_two_parts_of_a_batch_are_the_batch_also_in_what_is_drawn(name, samples, tmp_path):
    app = find_app(name)
    source = samples[name].write(tmp_path)
    config = app.presets["tiny"]
    data = app.file("data")
    opened = data.open_source(str(source), config)
    assets = data.prepare(opened, config)
    batches = data.batches(opened, config, "train", assets, seed=3)
    together = flat(batches.at(TURN, INDEX))
    first, second = (flat(batches.part(number, 2).at(TURN, INDEX)) for number in (0, 1))
    assert batches.part(1, 2).count == batches.count
    for every, one, other in zip(together, first, second, strict=True):
        assert len(one) == len(other) == -(-len(every) // 2)
        # a logarithm of nearly nothing makes much of a rounding
        np.testing.assert_allclose(np.concatenate([one, other])[: len(every)], every, atol=1e-3)


def test_the_parts_of_every_batch_of_a_pass_share_no_example():
    batches = Batches(5, lambda turn, index: dealt(35, 7 * 3, turn, index, seed=1)[0])
    seen = [
        example
        for number in range(3)
        for part in batches.part(number, 3).endless().take(5)
        for example in part.numpy()
    ]
    assert sorted(seen) == sorted(list(range(35)) * 3)


def test_rows_that_do_not_divide_are_filled_up():
    def at(turn, index):
        return mine(tf.range(filled(7))), tf.constant(whole(4))

    batches = Batches(1, at)
    parts = [batches.part(number, 2).at(0, 0) for number in (0, 1)]
    assert [rows.numpy().tolist() for rows, _ in parts] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [int(every) for _, every in parts] == [8, 8]
    assert len(batches.at(0, 0)[0]) == 7
