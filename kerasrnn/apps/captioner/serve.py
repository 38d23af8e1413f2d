"""The exported graph: image files in, captions out."""

import io

import tensorflow as tf

from kerasrnn.apps.captioner import scenes
from kerasrnn.apps.captioner.config import Config
from kerasrnn.apps.captioner.data import Assets
from kerasrnn.apps.captioner.decode import Speaker

BEAMS = 5  # of the export's search, and captions that it answers with


def endpoint(model, config: Config, assets: Assets) -> dict:
    """The signatures of the export.

    serving_default: image_bytes string (B,), JPEG, PNG, GIF, BMP or WebP → caption string (B,), the best;
        captions string (B, BEAMS), best first; scores float32 (B, BEAMS), ln P of each.
    attend, of a model that attends: image_bytes → caption, and attention float32 (B, T, L): where the model
        looks while it writes each word and the end after them; the L places are a square, row by row.
    """
    said = Speaker(model, config, assets)
    given = [tf.TensorSpec([None], tf.string, "image_bytes")]

    @tf.function(input_signature=given, autograph=False)
    def serving_default(image_bytes):
        found = said.search({"image": said.see(image_bytes)}, BEAMS)
        captions = said.spell(found.tokens)
        return {"caption": captions[:, 0], "captions": captions, "scores": found.scores}

    @tf.function(input_signature=given, autograph=False)
    def attend(image_bytes):
        x = {"image": said.see(image_bytes)}
        tokens = said.search(x, BEAMS).tokens[:, 0]
        return {"caption": said.spell(tokens), "attention": said.look(x, tokens)}

    signatures = {"serving_default": serving_default, "module": said}
    return signatures | ({"attend": attend} if config.attentive else {})


def questions(assets: Assets, endpoint: dict) -> list[dict]:
    """Requests that try the export: synthetic scenes as PNG, one and several, to each signature."""
    from PIL import Image

    _, images = scenes.draw(3, split="test")
    files = []
    for image in images:
        files.append(io.BytesIO())
        Image.fromarray(image).save(files[-1], "png")
    files = [file.getvalue() for file in files]
    return [
        {"signature": name, "inputs": {"image_bytes": some}}
        for name in sorted(endpoint.keys() - {"module"})
        for some in (files[:1], files)
    ]
