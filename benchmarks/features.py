"""An epoch of a captioner whose features are read from the cache, beside one that looks at every image anew.

    python -m benchmarks.features [--images 96] [--encoder vgg16] [--weights hed] [--features vector] [--json]

Photographs of noise (JPEG, 500 × 375, five captions each, as Flickr8k's) are written to a temporary folder. An
epoch is every caption once: decoder forward, backward and update. The cache is filled before, which is timed
by itself; both epochs read decoded pixels or features from it.
"""

import argparse
import dataclasses
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import alternate, machine
from kerasrnn.apps.captioner import config, data, model

WORDS = (
    "dog",
    "cat",
    "man",
    "woman",
    "runs",
    "sits",
    "jumps",
    "red",
    "over",
    "under",
    "the",
    "a",
    "in",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--encoder", default="vgg16")
    parser.add_argument("--weights", default="hed")
    parser.add_argument("--features", default="vector")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KERASRNN_CACHE"] = str(Path(folder, "cache"))
        row = measure(asked, Path(folder, "set"))
    if asked.json:
        print(json.dumps({"machine": machine("tensorflow", "keras"), "rows": [row]}))
        return
    print("| " + " | ".join(row) + " |\n|" + "---|" * len(row))
    print("| " + " | ".join(v if isinstance(v, str) else f"{v:.3g}" for v in row.values()) + " |")


def measure(asked, folder: Path) -> dict:
    """Seconds of an epoch both ways."""
    write(folder, asked.images)
    cached = dataclasses.replace(
        config.PRESETS["small"],
        encoder=asked.encoder,
        weights=asked.weights,
        features=asked.features,
        image=("soft_attention" if asked.features == "grid" else "initial_state"),
        image_size=224,
        batch_size=32,
        xla=False,  # convolutions are faster without on a CPU
    )
    source = data.open_source(str(folder), cached)
    assets = data.prepare(source, cached)
    start = time.perf_counter()
    from_cache = data.batches(source, cached, "train", assets, seed=0)
    filled = time.perf_counter() - start
    pixels = dataclasses.replace(cached, fine_tune=True)  # so that batches hold the images
    from_images = data.batches(source, pixels, "train", assets, seed=0)
    captioner = model.build(cached, assets)
    contenders = {
        "cache": lambda: epoch(captioner, from_cache),
        "encoder in the loop": lambda: epoch(captioner, from_images),
    }
    times = alternate(contenders, asked.rounds)
    slow, fast = times["encoder in the loop"], times["cache"]
    return {
        "encoder": f"{asked.encoder} {asked.weights} {asked.features}",
        "images": asked.images,
        "filling the cache, s": filled,
        "epoch with the encoder, s": slow,
        "epoch from the cache, s": fast,
        "ratio": slow / fast,
    }


def epoch(captioner, batches) -> None:
    captioner.fit(batches.one_pass(), epochs=1, shuffle=False, verbose=0)


def write(folder: Path, count: int) -> None:
    """Images and captions in the layout of Flickr8k, all for training but the last two."""
    rng = np.random.default_rng(0)
    (folder / "Images").mkdir(parents=True)
    lines = ["image,caption,split"]
    for number in range(count + 2):
        coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8))
        coarse.resize((500, 375)).save(folder / "Images" / f"{number}.jpg", quality=90)
        split = "train" if number < count else ("valid", "test")[number - count]
        lines += [
            f"{number}.jpg,{' '.join(rng.choice(WORDS, rng.integers(6, 15)))},{split}"
            for _ in range(5)
        ]
    (folder / "captions.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
