"""WaveNet: how fast it writes, how it does beside a recurrent network, and whether its classes are heard.

    python -m benchmarks.wavenet generation [--rounds N] [--json]
    python -m benchmarks.wavenet compare [--data FOLDER] [--minutes M] [--seeds N] [--out FOLDER] [--json]
    python -m benchmarks.wavenet classes [--minutes M] [--count N] [--seeds N] [--temperatures T,…] [--json]

`generation` times one sample of a sound: from queues in one compiled loop, the same queues driven from Python,
and naively, the whole receptive field anew for each sample. `compare` trains WaveNet and recurrent networks on
equal parameters and time, on generated instruments or on a folder of recordings. `classes` trains a network on
the classes of generated instruments, and a classifier on their own notes, which then hears what the network
wrote of each class. `--set KEY=VALUE` changes the preset of the last two, such as network=sample_rnn.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import machine

# stacks and dilations: three depths, then three reaches of one depth
DEEP = ((2, 10), (1, 10), (4, 10), (14, 1), (2, 7), (1, 14))
NAIVE, LED = 20, 200  # samples that the slow ways write
VARIANTS = {
    "wavenet": ("network=wavenet",),
    "gru": ("network=sample_rnn", "cell=gru"),
    "lstm": ("network=sample_rnn", "cell=lstm"),
}
INSTRUMENTS = "default=instruments"
BANDS, FRAME, HOP = 32, 256, 64  # of the classifier's ears: mel bands, samples, samples
LEARNT = 15  # passes of the classifier


def generation(asked) -> dict:
    """Microseconds a sample of one sound, for each way and each depth."""
    from kerasrnn.builders import wavenet

    rows = []
    for stacks, dilations in DEEP:
        network = wavenet(stacks=stacks, dilations=dilations, channels=32, skip=64, hidden=64)
        row = {
            "layers": stacks * dilations,
            "receptive field": network.receptive_field,
            "loop": _loop(network, asked.rounds),
        }
        if (stacks, dilations) == DEEP[0]:
            row |= {
                "python": _from_python(network, asked.rounds),
                "naive": _naive(network, asked.rounds),
            }
            row |= {f"{way}/loop": row[way] / row["loop"] for way in ("python", "naive")}
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    return {"rows": rows}


def _median(call, samples: int, rounds: int) -> float:
    """Microseconds a sample, after a call that compiles and one that warms up."""
    call(), call()
    spent = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        spent.append(time.perf_counter() - begun)
    return 1e6 * float(np.median(spent)) / samples


def _loop(network, rounds: int) -> float:
    import tensorflow as tf

    from kerasrnn.decoders import draws
    from kerasrnn.decoders.sounds import BLOCK, SoundWriter

    writer = SoundWriter(network)
    state, uniforms = writer.start(1), draws([0], BLOCK)
    return _median(
        lambda: writer.write_fast(*state, uniforms, tf.constant(1.0))[0].numpy(), BLOCK, rounds
    )


def _from_python(network, rounds: int) -> float:
    import tensorflow as tf

    from kerasrnn.decoders import draws
    from kerasrnn.decoders.sampling import sample
    from kerasrnn.decoders.sounds import SoundWriter

    writer, uniforms = SoundWriter(network), tf.unstack(draws([0], LED), axis=1)

    @tf.function(jit_compile=True, autograph=False)
    def step(code, states, uniform):
        logits, states = writer.step(code, states)
        return sample(logits, uniform), states

    def write():
        code, states = writer.start(1)
        for uniform in uniforms:
            code, states = step(code, states, uniform)
        return code.numpy()

    return _median(write, LED, rounds)


def _naive(network, rounds: int) -> float:
    import tensorflow as tf

    from kerasrnn.decoders import draws
    from kerasrnn.decoders.sampling import sample

    uniforms = tf.unstack(draws([0], NAIVE), axis=1)

    @tf.function(jit_compile=True, autograph=False)
    def step(codes, uniform):  # the last place holds nothing yet; the network does not look at it
        code = sample(network({"samples": codes})[:, -1], uniform)
        return tf.concat([codes[:, 1:-1], code[:, None], codes[:, :1]], axis=1)

    def write():
        codes = tf.fill([1, network.receptive_field + 1], 128)
        for uniform in uniforms:
            codes = step(codes, uniform)
        return codes.numpy()

    return _median(write, NAIVE, rounds)


def compared(asked) -> dict:
    """What `kerasrnn compare` measures, of WaveNet and the recurrent networks."""
    from kerasrnn.app import find_app
    from kerasrnn.comparison import columns, compare
    from kerasrnn.training.pictures import comparison

    common = (*asked.settings, *(() if asked.data else (INSTRUMENTS,)))
    variants = {name: (*settings, *common) for name, settings in VARIANTS.items()}
    out = Path(asked.out or "comparison")
    answer = compare(
        find_app("wavenet"), variants, out, data=asked.data, preset=asked.preset,
        seeds=range(asked.seeds), max_minutes=asked.minutes,
    )  # fmt: skip
    comparison(answer, out / "comparison.png")
    return {"rows": columns(answer)}


def classes(asked) -> dict:
    """A row for each seed and temperature: how often the classifier is right, on new notes and written ones."""
    from kerasrnn.apps import wavenet
    from kerasrnn.apps.wavenet import instruments

    heard, rate = None, wavenet.PRESETS[asked.preset].rate
    names, rows = list(instruments.INSTRUMENTS), []
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            run = wavenet.train(
                preset=asked.preset, settings=(INSTRUMENTS, *asked.settings), seed=seed,
                max_minutes=asked.minutes, out=Path(asked.out or folder, f"classes-{seed}"),
            )  # fmt: skip
            heard = heard or classifier(*_learnt(instruments.notes("train", rate), names))
            known = {"seed": seed} | run.evaluate(split="test")
            known["real notes"] = _right(heard, *_learnt(instruments.notes("test", rate), names))
            for warmth in map(float, asked.temperatures.split(",")):
                row = known | {"temperature": warmth}
                for name in names:
                    sounds = _written(run, name, asked.count, warmth, folder)
                    row[name] = _right(heard, *_learnt((sounds, [name] * asked.count), names))
                row["written notes"] = float(np.mean([row[name] for name in names]))
                rows.append(row)
                print(json.dumps(row), file=sys.stderr, flush=True)
    return {"rows": rows}


def _written(run, name: str, count: int, warmth: float, folder: str) -> list[np.ndarray]:
    """Notes of a class that the model writes."""
    import soundfile

    from kerasrnn.apps.wavenet import instruments

    out = Path(folder, f"{name}.wav")
    (answer,) = run.predict(
        [""], seconds=instruments.SECONDS, class_=name, count=count, seed=1000, temperature=warmth,
        out=str(out),
    )  # fmt: skip
    return [soundfile.read(file)[0] for file in answer["files"]]


def _learnt(notes, names: list[str]):
    """Features (N, T, bands) and labels (N,) of notes."""
    import tensorflow as tf

    from kerasrnn.data.features import log_power, mel_bands, power_spectrogram
    from kerasrnn.layers import dequantise, quantise

    sounds, kinds = notes
    audio = dequantise(quantise(np.stack(sounds).astype("f")))  # as the model hears them
    power = power_spectrogram(tf.convert_to_tensor(audio), FRAME, HOP, FRAME)
    features = log_power(mel_bands(power, 8000, BANDS, 60.0, 3900.0))
    return features.numpy() / 5 + 1, np.array([names.index(kind) for kind in kinds])


def classifier(features: np.ndarray, labels: np.ndarray):
    """A GRU over mel bands that tells the instruments."""
    import keras

    from kerasrnn.builders import many_to_one

    keras.utils.set_random_seed(0)
    model = many_to_one("gru", units=48, features=BANDS, classes=int(labels.max()) + 1, dropout=0.2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3, global_clipnorm=1.0), loss)
    model.fit(features, labels, batch_size=32, epochs=LEARNT, verbose=0)
    return model


def _right(model, features: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(np.argmax(model.predict(features, verbose=0), axis=-1) == labels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = {"generation": generation, "compare": compared, "classes": classes}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--data")
    parser.add_argument("--minutes", type=float, default=5.0, help="of each training")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--count", type=int, default=40, help="notes written of each class")
    parser.add_argument("--temperatures", default="1,0.85", help="at which they are written")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    parser.add_argument("--out", help="where the runs go")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    result = {"machine": machine("tensorflow", "keras")} | parts[asked.part](asked)
    if asked.json:
        print(json.dumps(result))
        return
    names = list(result["rows"][0])
    print("| " + " | ".join(name or " " for name in names) + " |\n|" + "---|" * len(names))
    for row in result["rows"]:
        print("| " + " | ".join(_text(row.get(name, "")) for name in names) + " |")
    print(result["machine"])


def _text(value) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
