"""What a captioner says: against a search by hand, the probability of what it said, and its export."""

import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasrnn.apps.captioner import scenes
from kerasrnn.apps.captioner.config import Config, Options
from kerasrnn.apps.captioner.data import END, PAD, SPECIAL, START, UNKNOWN, Assets
from kerasrnn.apps.captioner.decode import Speaker, predict, show
from kerasrnn.apps.captioner.judge import on_objects, places
from kerasrnn.apps.captioner.model import build
from kerasrnn.apps.captioner.serve import BEAMS, endpoint
from kerasrnn.errors import UserError

ASSETS = Assets((*SPECIAL, *"abcdef"), length=4)
PIXELS = scenes.draw(3)[1][:, ::4, ::4]
RNG = np.random.default_rng(0)


KINDS = {  # the last has a cell whose words' product cannot be made ahead of the loop
    "first_input": {"features": "vector"},
    "soft_attention": {"features": "grid"},
    "every_step": {"features": "vector", "cell_options": ("layer_norm=true",)},
}


@pytest.fixture(scope="module", params=KINDS)
def said(request):
    sizes = {"image_size": 16, "units": (6,), "embedding_size": 5}
    config = Config(image=request.param, **KINDS[request.param], **sizes)
    model = build(config, ASSETS)
    for weight in model.reader.weights + model.writer.weights:
        weight.assign(RNG.normal(scale=0.7, size=weight.shape))
    return model, config


def chances(model, row, words):
    """ln P of each next word after <start> and `words`, (T + 1, V), by the model of all steps at once."""
    given = np.array([[START, *words]], np.int32)
    return tf.nn.log_softmax(model({"image": PIXELS[row : row + 1], "words": given})["logits"])[
        0
    ].numpy()


def test_greedy_words_are_the_likeliest_one_after_the_other(said):
    model, config = said
    answers = Speaker(model, config, ASSETS).answer({"image": PIXELS}, Options())
    for row, answer in enumerate(answers):
        words = []
        while len(words) < ASSETS.length and (not words or words[-1] != END):
            scores = chances(model, row, words)[-1].copy()
            scores[[PAD, START, UNKNOWN] + [END] * (not words)] = -np.inf
            words.append(int(scores.argmax()))
        assert answer.split() == [ASSETS.vocabulary[w] for w in words if w != END]


def test_beams_come_with_the_probability_of_what_they_say(said):
    model, config = said
    answers = Speaker(model, config, ASSETS).answer({"image": PIXELS}, Options(beam=4))
    for row, answer in enumerate(answers):
        assert answer["caption"] == answer["captions"][0]
        assert answer["scores"] == sorted(answer["scores"], reverse=True)
        assert len(set(answer["captions"])) == len(answer["captions"]) == 4
        for caption, score in zip(answer["captions"], answer["scores"], strict=True):
            words = [ASSETS.vocabulary.index(word) for word in caption.split()]
            words += [END] * (len(words) < ASSETS.length)
            rows = chances(model, row, words)
            assert sum(rows[t, w] for t, w in enumerate(words)) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize("length", [1, 3])
def test_a_caption_has_a_word_and_at_most_as_many_as_are_asked_for(said, length):
    model, config = said
    speaker = Speaker(model, config, ASSETS)
    (bias,) = model.writer.get_layer("bias").weights
    before = bias.numpy()
    for end, least in ((-30.0, length), (30.0, 1)):
        bias.assign(np.where(np.arange(len(before)) == END, end, before))
        for how in ({}, {"beam": 1}, {"temperature": 1.0}):
            answers = speaker.answer({"image": PIXELS}, Options(length=length, **how))
            captions = [answer["caption"] if "beam" in how else answer for answer in answers]
            assert {len(caption.split()) for caption in captions} == {least}
    bias.assign(before)


def test_drawn_captions_depend_on_the_seed_alone(said):
    model, config = said
    speaker = Speaker(model, config, ASSETS)
    all_, again, other = (
        speaker.answer({"image": images}, Options(temperature=2.0, seed=seed))
        for images, seed in ((PIXELS, 4), (PIXELS[:1], 4), (PIXELS, 5))
    )
    assert all_[:1] == again
    assert all_ != other


def test_the_export_answers_as_predict_does(said, tmp_path):
    model, config = said
    files = [tmp_path / f"{k}.{kind}" for k, kind in enumerate(("png", "jpg", "gif"))]
    for file, image in zip(files, scenes.draw(3)[1], strict=True):
        Image.fromarray(image).save(file)
    ours = predict(model, config, ASSETS, [str(file) for file in files], Options(beam=BEAMS))
    signatures = endpoint(model, config, ASSETS)
    given = tf.constant([file.read_bytes() for file in files])
    served = signatures["serving_default"](given)
    for row, answer in enumerate(ours):
        assert served["caption"][row].numpy().decode() == answer["caption"]
        assert [c.decode() for c in served["captions"][row].numpy()] == answer["captions"]
        np.testing.assert_allclose(served["scores"][row], answer["scores"], atol=1e-4)
    assert ("attend" in signatures) == config.attentive
    if config.attentive:
        looked = signatures["attend"](given)
        assert looked["caption"].numpy().tolist() == served["caption"].numpy().tolist()
        for answer, alpha in zip(ours, looked["attention"].numpy(), strict=True):
            count = min(len(answer["caption"].split()) + 1, ASSETS.length)
            np.testing.assert_allclose(alpha.sum(axis=1)[:count], 1, rtol=1e-5)
            assert not alpha[count:].any()


def test_a_file_that_is_no_image_is_one_sentence(said, tmp_path):
    model, config = said
    (tmp_path / "a.jpg").write_text("not an image")
    for path, told in ((tmp_path / "a.jpg", "must be JPEG"), (tmp_path / "b.jpg", "is none")):
        with pytest.raises(UserError, match=told) as refusal:
            predict(model, config, ASSETS, [str(path)], Options())
        assert str(path) in str(refusal.value)


def test_attention_on_objects_is_the_share_on_their_places_while_they_are_named():
    mask = np.zeros((8, 8), bool)
    mask[3:5, 0:2] = True
    np.testing.assert_array_equal(places(mask, 16), [k in (4, 8) for k in range(16)])
    shares = np.full((3, 16), 1 / 16)
    shares[1] = np.eye(16)[4] * 0.75 + np.eye(16)[0] * 0.25
    found = on_objects(
        ["a circle here", "a cross"],
        [shares, shares],
        [{"circle": mask}, {"circle": mask, "cross": mask}],
    )
    assert found == pytest.approx(0.75)
    assert on_objects(["a cross"], [shares], [{"circle": mask}]) == 0
    assert math.isclose(
        on_objects(["circle cross"], [shares], [{"circle": mask}, {"cross": mask}]), 1 / 16
    )


def test_options_that_do_not_go_together_are_refused_and_answers_are_shown():
    for options in (
        {"beam": 2, "temperature": 1.0},
        {"no_repeat": 2},
        {"beam": 101},
        {"top_p": 0.0},
    ):
        with pytest.raises(ValueError, match=r"must be|needs"):
            Options(**options)
    assert show("a.png", "a dog") == "a.png: a dog"
    answer = {"caption": "a", "captions": ["a", "b"], "scores": [-1.0, -2.5]}
    assert show("a.png", answer).splitlines() == ["a.png:", "   -1.000  a", "   -2.500  b"]
