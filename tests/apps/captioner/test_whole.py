"""The captioner from files to captions: it learns a small set by heart, and says what is wrong with a file."""

import json

import numpy as np
import pytest
from PIL import Image

from kerasrnn.apps import captioner
from kerasrnn.apps.captioner.data import open_source
from kerasrnn.apps.captioner.judge import judge

RNG = np.random.default_rng(0)
WORDS = ("dog", "cat", "bird", "runs", "sleeps", "eats", "here", "there", "today", "red", "old")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Fifty pictures, each of its own, with a caption of six words or so, as Flickr8k lays them out."""
    folder = tmp_path_factory.mktemp("fifty")
    (folder / "Images").mkdir()
    lines = ["image,caption"]
    for number in range(50):
        coarse = RNG.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(coarse).resize((40, 30), Image.NEAREST).save(
            folder / f"Images/{number}.png"
        )
        words = RNG.choice(WORDS, RNG.integers(5, 9))
        lines.append(f"{number}.png,{' '.join(words)}")
    (folder / "captions.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_fifty_captions_are_learnt_by_heart(pictures, tmp_path):
    settings = ("units=64", "embedding_size=48", "batch_size=50", "epoch_steps=150", "epochs=1")
    run = captioner.train(
        pictures, preset="tiny", settings=(*settings, "learning_rate=1e-2"), out=tmp_path / "run"
    )
    assert run.evaluate(split="all")["bleu4"] >= 0.95


def test_an_unreadable_image_is_one_line_and_exit_code_two(tiny, command, tmp_path):
    trained = tiny("captioner")
    (tmp_path / "note.jpg").write_text("not an image at all")
    for path in (tmp_path / "note.jpg", tmp_path / "missing.png"):
        answer = command("predict", trained.path, trained.inputs[0], path)
        assert answer.code == 2
        assert len(answer.err.splitlines()) == 1
        assert str(path) in answer.err
        assert not answer.out


def test_beams_are_answered_as_caption_captions_and_scores(tiny, command):
    trained = tiny("captioner")
    words = ("predict", trained.path, *trained.inputs, "--beam", 3, "--json")
    answers = [pair["answer"] for pair in command(*words).json["predictions"]]
    assert answers == json.loads(json.dumps(trained.run.predict(trained.inputs, beam=3)))
    for answer in answers:
        assert set(answer) == {"caption", "captions", "scores"}
        assert len(answer["captions"]) == len(answer["scores"]) == 3


def test_scenes_are_judged_on_pairs_that_were_never_shown_and_a_folder_has_none(tiny):
    run = tiny("captioner").run
    scenes = open_source(None, run.config)
    count, metrics = judge(run.model, run.config, run.assets, scenes, "unseen")()
    assert count == len(scenes.splits["unseen"]) == run.config.images
    assert 0 <= metrics["bleu4"] <= 1
    with pytest.raises(ValueError, match="one of all, test, train, valid; got 'unseen'"):
        run.evaluate(split="unseen")
