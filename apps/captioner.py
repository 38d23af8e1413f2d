"""Image captions from pictures to a SavedModel, step by step (about ten minutes on two cores).

    python apps/captioner.py [FOLDER] [--minutes 3]

FOLDER holds images with captions, in the layout of Flickr8k or COCO, or Tux Paint's stamps; without it,
synthetic scenes of coloured shapes are drawn.
"""

import argparse
import tempfile
from pathlib import Path

import tensorflow as tf
from PIL import Image

from kerasrnn.apps import captioner
from kerasrnn.apps.captioner import scenes
from kerasrnn.apps.captioner.decode import Speaker
from kerasrnn.apps.captioner.pictures import attention_maps, captioned

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", nargs="?", help="images with captions; synthetic scenes without it")
parser.add_argument(
    "--minutes", type=float, default=3, help="of training, for each of three models"
)
asked = parser.parse_args()
out = Path(tempfile.mkdtemp(prefix="captioner-"))

# 1. Karpathy's captioner: one vector of features stands beside each word that the network reads.
run = captioner.train(asked.folder, preset="small", max_minutes=asked.minutes, out=out / "vector")
print(run.evaluate(split="test"))
if not asked.folder:
    print("on pairs of colour and shape that training never showed:", run.evaluate(split="unseen"))

# 2. Show, attend and tell: the network looks at one place after the other, softly or hard.
shown = {}
for image in ("soft_attention", "hard_attention"):
    attends = captioner.train(
        asked.folder,
        preset="small",
        settings=(f"image={image}", "features=grid"),
        max_minutes=asked.minutes,
        out=out / image,
    )
    print(image, attends.evaluate(split="test"))
    said = Speaker(attends.model, attends.config, attends.assets)
    source = attends.app.file("data").open_source(asked.folder, attends.config)
    for number, (pixels, caption, _, alpha) in enumerate(captioned(said, source, "test", 3)):
        shown.setdefault(number, (pixels, {}))[1][image.replace("_", " ")] = (caption, alpha)
for number, (pixels, rows) in shown.items():
    attention_maps(pixels, rows, out / f"soft_and_hard_{number + 1}.png")

# 3. Ask it about a picture of one's own: the best of five beams, and the other four.
Image.fromarray(scenes.draw(1, seed=7)[1][0]).save(out / "scene.png")
print(run.predict([str(out / "scene.png")], beam=5)[0])

# 4. Export, and ask the export, which takes a file's bytes and needs nothing of kerasrnn.
served = tf.saved_model.load(str(run.export(out / "captioner")))
answer = served.signatures["serving_default"](
    image_bytes=tf.constant([(out / "scene.png").read_bytes()])
)
print(answer["caption"].numpy()[0].decode(), float(answer["scores"][0, 0]))
print(f"Everything lies in {out}; look at {out}/*/plots and {out}/soft_and_hard_1.png")
