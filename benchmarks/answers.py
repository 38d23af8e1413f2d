"""Whether an exported captioner answers what its run answers, image by image.

    python -m benchmarks.answers RUN [--images 200] [--json]

The images are synthetic scenes, in turn as PNG and JPEG; the export answers in a process of its own, with
TensorFlow and nothing of kerasrnn.
"""

import argparse
import json
import tempfile
from pathlib import Path

from PIL import Image

from kerasrnn.apps.captioner import scenes
from kerasrnn.apps.captioner.serve import BEAMS
from kerasrnn.export.saved_model import ask_elsewhere
from kerasrnn.run import load

AT_ONCE = 32  # images of a request


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        alike = agreement(load(asked.run), asked.images, Path(folder))
    if asked.json:
        print(json.dumps({"images": asked.images, "alike": alike}))
    else:
        print(f"The export answers as the run does for {alike} of {asked.images} images.")


def agreement(run, count: int, folder: Path) -> int:
    """For how many images all captions are the same, in the same order."""
    files = []
    for number, image in enumerate(scenes.draw(count, seed=1, split="test")[1]):
        files.append(folder / f"{number}.{('png', 'jpg')[number % 2]}")
        Image.fromarray(image).save(files[-1])
    ours = run.predict([str(file) for file in files], beam=BEAMS)
    groups = [files[first : first + AT_ONCE] for first in range(0, count, AT_ONCE)]
    questions = [
        {
            "signature": "serving_default",
            "inputs": {"image_bytes": [file.read_bytes() for file in group]},
        }
        for group in groups
    ]
    theirs = []
    for answer in ask_elsewhere(run.export(folder / "model"), questions):
        theirs += [
            answer["captions"][k : k + BEAMS] for k in range(0, len(answer["captions"]), BEAMS)
        ]
    return sum(a["captions"] == b for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
