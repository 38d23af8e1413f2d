"""The synthetic scenes: what is drawn is what is said."""

import numpy as np
import pytest

from kerasrnn.apps.captioner import scenes
from kerasrnn.apps.captioner.scenes import COLOURS, UNSEEN, Scene, Thing, draw


def pairs(drawn) -> set:
    return {(thing.colour, thing.shape) for scene in drawn for thing in scene.things}


def test_the_same_seed_draws_the_same_and_each_split_something_else():
    first, images = draw(20, seed=3)
    again, same = draw(20, seed=3)
    assert first == again
    np.testing.assert_array_equal(images, same)
    assert draw(20, seed=4)[0] != first
    assert draw(20, seed=3, split="test")[0] != first


def test_some_pairs_of_colour_and_shape_are_only_in_the_unseen_split():
    for split in ("train", "valid", "test"):
        shown = pairs(draw(300, split=split)[0])
        assert not shown & UNSEEN
    assert len(shown) == len(COLOURS) * len(scenes.SHAPES) - len(UNSEEN)
    for scene in draw(100, split="unseen")[0]:
        assert pairs([scene]) & UNSEEN
    assert {colour for colour, _ in UNSEEN} < set(COLOURS)  # each word is learnt from other pairs
    assert {shape for _, shape in UNSEEN} == set(scenes.SHAPES)


def test_a_mask_is_where_its_colour_is_and_places_are_as_the_words_say():
    drawn, images = draw(150, seed=1)
    for scene, image in zip(drawn, images, strict=True):
        masks = scene.masks()
        assert len(masks) == len(scene.things)
        centres = []
        for thing in scene.things:
            mask = masks[thing.shape]
            inside = image[mask].astype(float).mean(0)
            assert np.abs(inside - COLOURS[thing.colour]).max() < 50
            rows, columns = np.nonzero(mask)
            assert min(rows.min(), columns.min()) > 0  # whole, on the ground
            assert max(rows.max(), columns.max()) < scenes.SIDE - 1
            centres.append((columns.mean(), rows.mean()))
        if len(centres) == 2:
            assert not (masks[scene.things[0].shape] & masks[scene.things[1].shape]).any()
            (x1, y1), (x2, y2) = centres
            ahead, across = (x2 - x1, y2 - y1) if scene.place == "left" else (y2 - y1, x2 - x1)
            assert ahead > abs(across)
        elif scene.place != "centre":
            x, y = centres[0]
            assert ("left" in scene.place) == (x < 32)
            assert ("top" in scene.place) == (y < 32)


def test_a_large_shape_covers_more_than_a_small_one_of_its_kind():
    areas = {}
    for scene in draw(400, seed=2)[0]:
        masks = scene.masks()
        for thing in scene.things:
            areas.setdefault((thing.shape, thing.size), []).append(masks[thing.shape].sum())
    for shape in scenes.SHAPES:
        assert min(areas[shape, "large"]) > max(areas[shape, "small"])


@pytest.mark.parametrize(
    ("place", "sentences"),
    [
        (
            "left",
            (
                "a small red circle to the left of a large blue square",
                "a large blue square to the right of a small red circle",
                "there is a small red circle to the left of a large blue square",
                "a large blue square with a small red circle on its left",
                "a small red circle and a large blue square on its right",
            ),
        ),
        (
            "above",
            (
                "a small red circle above a large blue square",
                "a large blue square below a small red circle",
                "there is a small red circle above a large blue square",
                "a large blue square with a small red circle above it",
                "a small red circle and a large blue square below it",
            ),
        ),
    ],
)
def test_the_grammar_says_both_ways_of_a_relation(place, sentences):
    things = (
        Thing("small", "red", "circle", 10, 10, 8),
        Thing("large", "blue", "square", 40, 40, 14),
    )
    assert Scene(things, place).captions == sentences
