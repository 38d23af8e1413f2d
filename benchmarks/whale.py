"""The whale detector's networks beside each other, and how fast `kerasrnn detect` hears.

    python -m benchmarks.whale [--epochs N] [--only NAME,…] [--skip-detect] [--picture PATH] [--json]

All learn from the same synthetic clips, as many passes, at the preset's rate (logistic regression at a higher
one, and from mel bands without PCEN, which takes each band's level out of its mean). No number of the
networks was chosen on the splits that are shown, but for "valid"; the generator was changed once after a look
at them, to cut rivals off at a clip's ends as recordings do. AUC with its 95 % bootstrap interval at 0 dB
("medium"), at -6 dB ("low") and at 0 dB in another sea ("shifted": another noise recipe, ±6 dB of gain, calls
30 % faster). Then the preset hears a synthetic hour on one core; PATH gets the picture of what it found.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import machine
from kerasrnn.settings import replace

ROWS = {
    "logistic, mean spectrum": {"network": "logistic", "features": "log", "learning_rate": 0.02},
    "CNN": {"network": "cnn"},
    "SimpleRNN": {"filters": 0, "cell": "simple_rnn"},
    "LSTM": {"filters": 0, "cell": "lstm"},
    "GRU": {"filters": 0},
    "GRU both ways": {"filters": 0, "bidirectional": True},
    "conv + GRU, last": {"pool": "last"},
    "conv + GRU, mean": {"pool": "mean"},
    "conv + GRU, attention": {},
}
SPLITS = ("valid", "medium", "low", "shifted")
HOUR = 3600.0  # seconds that `detect` hears
CALLS = 30  # of them, in that hour
SEED = 77  # of the hour, which no split has


def measure(changes: dict, source, preset, epochs: int, seed: int) -> dict:
    """Parameters, seconds of training and AUCs of one row."""
    import keras

    from kerasrnn.apps import whale
    from kerasrnn.apps.whale import data
    from kerasrnn.apps.whale.judge import judge
    from kerasrnn.training.schedule import Pace

    config = replace(preset, **changes)
    keras.utils.set_random_seed(seed)
    assets = data.prepare(source, config)
    model = whale.build(config, assets)
    batches = data.batches(source, config, "train", assets, seed=seed)
    pace = Pace(config, epochs * batches.count, None)
    began = time.perf_counter()
    model.fit(
        batches.endless(), epochs=epochs, steps_per_epoch=batches.count, callbacks=[pace],
        shuffle=False, verbose=0,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    found = {split: judge(model, config, assets, source, split)()[1] for split in SPLITS}
    return {"parameters": model.count_params(), "seconds": seconds, "metrics": found}


def hear(run: str, folder: str, picture: str | None) -> dict:
    """An hour through `kerasrnn detect` in this process: speed, and what was found of what there is."""
    import numpy as np
    import soundfile

    from kerasrnn.apps.whale import detect, synth
    from kerasrnn.apps.whale.pictures import detections_picture
    from kerasrnn.run import Run

    trained, path, truth = Run(run), Path(folder, "synthetic hour.flac"), []
    with soundfile.SoundFile(path, "w", synth.RATE, 1, subtype="PCM_16") as file:
        for sound, calls in synth.recording(
            HOUR, CALLS, (synth.MEDIUM, synth.HIGH), synth.HOME, SEED
        ):
            file.write(sound)
            truth += calls
    threshold = detect.chosen_threshold(trained, 0.99)
    detect.detect(trained, path, threshold.score)  # makes the graphs
    found = detect.detect(trained, path, threshold.score)
    if picture:
        detections_picture(found, trained.config, Path(picture))
    spans = np.array([(one.begin, one.end) for one in found.detections]).reshape(-1, 2)
    hits = [bool(np.any((spans[:, 0] < end) & (spans[:, 1] > begin))) for begin, end in truth]
    true = [any(begin < e and end > b for b, e in truth) for begin, end in spans]
    return {
        "times_real": found.seconds / found.took,
        "calls": len(truth),
        "heard": sum(hits) / len(truth),
        "false_alarms_per_hour": (len(true) - sum(true)) * 3600 / found.seconds,
        "expected_per_hour": detect.alarms_an_hour(trained, threshold),
        "threshold": threshold.score,
    }


def heard_on_one_core(preset, epochs: int, seed: int, picture: str | None) -> dict:
    """Train the preset, then `hear` in a process that has one core."""
    from kerasrnn.apps import whale

    with tempfile.TemporaryDirectory() as folder:
        run = whale.train(config=preset, epochs=epochs, out=Path(folder, "run"), seed=seed)
        command = [sys.executable, "-m", "benchmarks.whale", "--hear", str(run.folder.path), folder]
        command += ["--picture", picture] if picture else []
        threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
        core = {min(os.sched_getaffinity(0))}
        done = subprocess.run(
            command, env=os.environ | threads, capture_output=True, text=True, check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, core),
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])


def show(result: dict) -> None:
    table = Table(title="AUC (95 % interval) on synthetic clips", caption=str(result["machine"]))
    for column in ("network", "parameters", "training, s", *SPLITS):
        table.add_column(column, justify="right")
    for name, row in result["rows"].items():
        cells = [
            f"{m['auc']:.3f} ({m['auc_low']:.3f}-{m['auc_high']:.3f})"
            for m in row["metrics"].values()
        ]
        table.add_row(name, f"{row['parameters']:,}", f"{row['seconds']:.0f}", *cells)
    Console(width=150).print(table)
    if "detect" in result:
        heard = result["detect"]
        print(
            f"detect, one core: {heard['times_real']:.0f} times real time; {heard['heard']:.0%} of "
            f"{heard['calls']} calls at 0 to 6 dB heard, {heard['false_alarms_per_hour']:.0f} false alarms "
            f"an hour (validation: {heard['expected_per_hour']:.0f})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=6, help="passes over the 6,000 clips")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--only", help="rows, with commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip-detect", action="store_true")
    parser.add_argument(
        "--picture", help="a file for the spectrogram of what was found in the hour"
    )
    parser.add_argument("--hear", nargs=2, metavar=("RUN", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    if asked.hear:
        print(json.dumps(hear(*asked.hear, asked.picture)))
        return
    from kerasrnn.apps import whale
    from kerasrnn.apps.whale.data import open_source

    preset = whale.PRESETS[asked.preset]
    source = open_source(None, preset)
    names = asked.only.split(",") if asked.only else list(ROWS)
    names = [name for name in ROWS if any(part.strip() in name for part in names)]
    result = {"machine": machine("tensorflow", "keras"), "epochs": asked.epochs, "rows": {}}
    for name in names:
        result["rows"][name] = measure(ROWS[name], source, preset, asked.epochs, asked.seed)
        print(json.dumps({name: result["rows"][name]}), file=sys.stderr, flush=True)
    if not asked.skip_detect:
        result["detect"] = heard_on_one_core(preset, preset.epochs, asked.seed, asked.picture)
    if asked.json:
        print(json.dumps(result))
        return
    show(result)


if __name__ == "__main__":
    main()
