"""The speech recogniser against its targets, part by part.

    python -m benchmarks.deepspeech PART [--minutes M] [--data …] [--keep FOLDER] [--json]

    digits     strings of digits by synthetic voices; WER on voices that were not trained on; 5 minutes
    folder     one-word recordings named <word>_<anything>.wav: --data TRAIN TEST, or a synthetic stand-in;
               8 minutes; the GMM-HMM beside it
    prompts    Asterisk's English prompts, split by prompt: --data ROOT of the packages; 30 minutes; greedy and
               with the language model of the training transcripts, whose spelling is shown
    overfit    twenty of those prompts by heart: they are what is trained on, validated on and judged
    speed      times real time of a greedy transcription, and a stream's delay for each 20 ms; one core

The WER with its 95 % bootstrap interval and the number of words, the CER. Nothing is chosen on what is judged.
"""

import argparse
import contextlib
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import machine
from kerasrnn.data.splits import SPLITS

MINUTES = {"digits": 5.0, "folder": 8.0, "prompts": 30.0, "overfit": 10.0}
BY_HEART = 20  # prompts


def trained(folder: str, data, minutes: float, *settings: str):
    from kerasrnn.apps import deepspeech

    return deepspeech.train(data, max_minutes=minutes, settings=settings, out=Path(folder, "run"))


def digits(folder: str, asked) -> dict:
    from kerasrnn.apps.deepspeech import synth

    run = trained(folder, None, asked.minutes, *asked.set)
    return {"data": synth.name(), "network": run.evaluate(split="test")} | taken(run)


def folder(folder: str, asked) -> dict:
    from benchmarks import spoken_digits

    if asked.data:
        train, test = map(Path, asked.data)
    else:
        spoken_digits.write(Path(folder, "words"))
        train, test = Path(folder, "words", "train"), Path(folder, "words", "test")
    run = trained(folder, train, asked.minutes, "label=stem", *asked.set)
    return {
        "data": str(asked.data or spoken_digits.__doc__.splitlines()[0]),
        "network": run.evaluate(str(test), split="all"),
        "gmm_hmm": gmm_hmm(train, test),
    } | taken(run)


def gmm_hmm(train: Path, test: Path) -> dict:
    """Word models on MFCC with their slopes, of the same recordings."""
    from kerasrnn.baselines.word_hmm import WordHMM
    from kerasrnn.metrics.speech import judge_transcripts

    began = time.perf_counter()
    clips, words = cepstra(train), {}
    for text, clip in clips:
        words.setdefault(text, []).append(clip)
    model = WordHMM().fit(words)
    wanted, held_out = zip(*cepstra(test), strict=True)
    found = judge_transcripts(wanted, model.recognise(held_out))
    return found | {"seconds": time.perf_counter() - began}


def cepstra(folder: Path) -> list[tuple[str, np.ndarray]]:
    """(word, 13 cepstra, their slopes and the slopes' slopes (T, 39)) of each recording at 8 kHz."""
    import tensorflow as tf

    from kerasrnn.data.audio import read_audio
    from kerasrnn.data.features import deltas, log_power, mel_bands, mfcc, power_spectrogram
    from kerasrnn.data.speech import normalised, recordings

    def features(audio):
        sound = tf.pad(audio, [[0, 0], [100, 100]])
        bands = mel_bands(power_spectrogram(sound, 200, 80, 256), 8000, 26, 60.0, 3800.0)
        still = mfcc(log_power(bands + 1e-6), 13)
        moving = deltas(still)
        return tf.concat([still, moving, deltas(moving)], -1)

    graph = tf.function(features, [tf.TensorSpec([1, None], tf.float32)], autograph=False)
    return [
        (normalised(one.text), graph(read_audio(one.path, 8000)[None]).numpy()[0])
        for one in recordings(folder, "stem")
    ]


def prompts(folder: str, asked) -> dict:
    manifest = asterisk(folder, asked.data)
    run = trained(folder, manifest, asked.minutes, *asked.set)
    found = {"data": "Asterisk's prompts", "network": run.evaluate(split="test")} | taken(run)
    return found | {"spelling": spelled(run, manifest)}


def spelled(run, manifest: Path, most: int = 5) -> list[tuple[str, str, str]]:
    """The first test prompts of which the language model changes what is written down, each once.

    Returns:
        (what is said, what is written greedily, what with the language model) of each.
    """
    from kerasrnn.data.speech import dealt_out, normalised, recordings

    test = dealt_out(recordings(manifest))["test"]
    paths = [str(one.path) for one in test]
    greedy, with_model = (run.predict(paths, **how) for how in ({"beam": 1}, {"lm": "own"}))
    heard = (
        [answer["transcript"] for answer in pair] for pair in zip(greedy, with_model, strict=True)
    )
    rows = [(normalised(one.text), *texts) for one, texts in zip(test, heard, strict=True)]
    changed = {row[0]: row for row in rows if row[1] != row[2]}
    return list(changed.values())[:most]


def asterisk(folder: str, data) -> Path:
    """The manifest of Asterisk's prompts."""
    manifest = Path(folder, "asterisk.csv")
    command = [sys.executable, "-m", "kerasrnn.data.asterisk", *(data or ["/"]), "--out", manifest]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return manifest


def overfit(folder: str, asked) -> dict:
    with open(asterisk(folder, asked.data), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    few = Path(folder, "few.csv")
    step = len(rows) // BY_HEART
    with open(few, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["path", "transcript", "split"])
        writer.writeheader()
        chosen = rows[::step][:BY_HEART]
        writer.writerows({**row, "split": split} for split in SPLITS for row in chosen)
    plain = (
        "speed=0",
        "shift=0",
        "noise=0",
        "equaliser=0",
        "frequency_mask=0",
        "time_mask=0",
        "dropout=0",
    )
    run = trained(folder, few, asked.minutes, *plain, "epoch_steps=40", *asked.set)
    count, found = run.judge(split="train")
    return {"data": f"{count} prompts", "network": found} | taken(run)


def speed(folder: str, asked) -> dict:
    """In a process that has one core: the preset's network, untrained, which takes as long as a trained one."""
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    core = {min(os.sched_getaffinity(0))}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.deepspeech", "one-core"], env=os.environ | threads,
        capture_output=True, text=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, core),
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def one_core(seconds: float = 5.0, recordings: int = 30, pieces: int = 500) -> dict:
    """Recordings of `seconds`, one after the other, from samples to text; and pieces of a step's length."""
    import tensorflow as tf

    from kerasrnn.apps import deepspeech
    from kerasrnn.apps.deepspeech.data import Assets
    from kerasrnn.apps.deepspeech.decode import Listener
    from kerasrnn.apps.deepspeech.stream import Stream
    from kerasrnn.data.features import Statistics
    from kerasrnn.settings import replace

    config = replace(deepspeech.PRESETS["small"], hop=0.01, stride=2)  # 20 ms
    zero, one = np.zeros(config.bands, np.float32), np.ones(config.bands, np.float32)
    assets = Assets(" 'abcdefghijklmnopqrstuvwxyz", Statistics(zero, one))
    heard = Listener(deepspeech.build(config, assets), config, assets).transcriber(1)
    samples = round(seconds * config.rate)
    sound = tf.random.normal([1, samples], stddev=0.1)
    given = sound, tf.constant([samples], tf.int64)
    whole = [_clocked(lambda: heard(*given)["transcript"].numpy()) for _ in range(recordings)]
    config = replace(config, streaming=True)
    stream = Stream(deepspeech.build(config, assets), config, assets)
    states = {n: tf.TensorSpec([1, *shape], kind) for n, (shape, kind) in stream.state.items()}
    step = tf.TensorSpec([1, config.step_samples], tf.float32)
    hear = tf.function(stream.hear, [step, states], autograph=False)
    state, late = stream.start(1), []
    for _ in range(pieces):
        begun = time.perf_counter()
        answer, state = hear(sound[:, : config.step_samples], state)
        answer["transcript"].numpy()
        late.append(time.perf_counter() - begun)
    return {
        "times_real": seconds / float(np.median(whole[3:])),
        "stream_ms": 1e3 * float(np.median(late[20:])),
        "stream_ms_95": 1e3 * float(np.quantile(late[20:], 0.95)),
        "step_ms": 1e3 * config.step_seconds,
    }


def _clocked(call) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def taken(run) -> dict:
    """How long the training took."""
    metrics = json.loads((run.folder.path / "metrics.json").read_text("utf-8"))
    return {"minutes": metrics["seconds"] / 60, "steps": metrics["steps"]}


PARTS = {"digits": digits, "folder": folder, "prompts": prompts, "overfit": overfit, "speed": speed}


def show(part: str, result: dict) -> None:
    print(f"{part}: {result.get('data', '')} ({result['machine']})")
    for name, value in result.items():
        if isinstance(value, dict) and "wer" in value:
            interval = f"{value['wer_low']:.2%}-{value['wer_high']:.2%}"
            print(
                f"  {name:10} WER {value['wer']:.2%} ({interval}) of {value['words']:,} words, ",
                end="",
            )
            print(
                f"CER {value['cer']:.2%}", *(f"{k} {v:.4g}" for k, v in value.items() if k in MORE)
            )
        elif name == "spelling":
            for said, greedy, with_model in value:
                print(
                    f"  said {said!r}, greedily {greedy!r}, with the language model {with_model!r}"
                )
        elif isinstance(value, int | float):
            print(f"  {name:14} {value:,.4g}")


MORE = ("wer_greedy", "cer_greedy", "seconds")  # of a row that has them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=(*PARTS, "one-core"))
    parser.add_argument("--minutes", type=float, help="of training; the target's unless given")
    parser.add_argument("--data", nargs="+", help="folders; see above")
    parser.add_argument(
        "--set", action="append", default=[], help="key=value, as `kerasrnn train` has it"
    )
    parser.add_argument(
        "--keep", metavar="FOLDER", help="for the run and its data; else they are gone after"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    if asked.part == "one-core":
        print(json.dumps(one_core()))
        return
    asked.minutes = asked.minutes or MINUTES.get(asked.part)
    with contextlib.ExitStack() as stack:
        folder = asked.keep or stack.enter_context(tempfile.TemporaryDirectory())
        result = PARTS[asked.part](folder, asked)
    result["machine"] = machine("tensorflow", "keras")
    if asked.json:
        print(json.dumps(result))
    else:
        show(asked.part, result)


if __name__ == "__main__":
    main()
