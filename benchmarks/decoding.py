"""Characters a second: text generated in one graph, against loops in Python over the same model.

    python -m benchmarks.decoding [--parts text,beam] [--units 256] [--rounds 7] [--json]

`text`: all write one text from the same untrained `char_lm` network (its weights do not change speed):

    in graph        kerasrnn.decoders.generate: one compiled loop that carries the state and draws
    compiled step   a Python loop over a tf.function of one step and one draw, compiled by XLA
    graph step      the same, not compiled
    model.predict   the usual loop: `model.predict` of one step, the draw in NumPy

`beam`: all search the same captions, of 20 words, for a batch of 64 images by 5 beams, with an
untrained captioner: `small`, and one with more units, whose arithmetic takes most of the time.
All set finished captions aside, and end when none alive can be better:

    in graph        the captioner's own search (kerasrnn.decoders.beam_search), compiled
    batched loop    a Python loop over a compiled step of all beams of all images, with each image's
                    captions in lists and their scores in NumPy
    model.predict   the same, one image and one `model.predict` at a time
    products alone  no search, only the matrix products that each must compute: what cannot be passed
"""

import argparse
import functools
import json

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks.beams import Decoder
from benchmarks.measure import alternate, machine, names_of
from kerasrnn.apps.char_lm import PRESETS, build
from kerasrnn.apps.char_lm.config import Options
from kerasrnn.apps.char_lm.data import Assets
from kerasrnn.apps.char_lm.decode import CharWriter
from kerasrnn.decoders import sample
from kerasrnn.settings import replace

PARTS = ("text", "beam")
VOCABULARY = "".join(map(chr, range(32, 97)))  # 65 characters, as many as tiny Shakespeare has
IMAGES, BEAMS, WORDS = 64, 5, 20  # of the beam search
PREDICTED = 2  # images that model.predict is timed on
LENGTHS = {"in graph": 1000, "compiled step": 400, "graph step": 400, "model.predict": 40}


def looped(writer: CharWriter, length: int, jit: bool):
    """The Python loop over a function of one step and one draw."""

    @tf.function(jit_compile=jit)
    def step(token, states, uniform):
        logits, states = writer.step(token, states)
        return sample(logits, uniform, temperature=tf.constant(0.8)), states

    def write():
        token, states = tf.constant([0]), writer.fresh(1)
        uniforms = tf.random.uniform([length, 1])
        tokens = []
        for number in range(length):
            token, states = step(token, states, uniforms[number])
            tokens.append(int(token[0]))

    return write


def predicted(network, sizes, length: int):
    """The Python loop over `model.predict`."""

    def write():
        token, states = 0, [np.zeros((1, size), np.float32) for size in sizes]
        draw = np.random.default_rng(0)
        for _ in range(length):
            logits, *states = network.predict([np.array([[token]]), *states], verbose=0)
            chances = np.exp((logits[0, 0] - logits.max()) / 0.8)
            token = draw.choice(len(chances), p=chances / chances.sum())

    return write


def measure(units: tuple[int, ...], rounds: int) -> dict[str, float]:
    """Microseconds a character of each contender."""
    assets = Assets(VOCABULARY, 0)
    model = build(replace(PRESETS["small"], units=units), assets)
    writer = CharWriter(model, assets)
    contenders = {
        "in graph": functools.partial(writer.texts, [b"a"], Options(length=LENGTHS["in graph"])),
        "compiled step": looped(writer, LENGTHS["compiled step"], jit=True),
        "graph step": looped(writer, LENGTHS["graph step"], jit=False),
        "model.predict": predicted(model.model, writer.state_sizes, LENGTHS["model.predict"]),
    }
    seconds = alternate(contenders, rounds)
    return {name: seconds[name] / LENGTHS[name] * 1e6 for name in contenders}


def measure_beam(units: int, vocabulary: int, rounds: int) -> dict[str, float]:
    """Milliseconds an image of each contender, after they were seen to find the same captions."""
    decoder = Decoder(units, vocabulary, IMAGES, BEAMS, WORDS)
    contenders = {
        "in graph": decoder.in_graph(),
        "products alone": decoder.products(),
        "batched loop": decoder.batched(),
        "model.predict": decoder.predicted(PREDICTED),
    }
    found, by_hand = contenders["in graph"](), contenders["batched loop"]()
    same = np.mean(
        [row[0].tolist() == hand[0][1] for row, hand in zip(found, by_hand, strict=True)]
    )
    if same < 0.95:  # two captions of nearly the same probability may change places
        raise RuntimeError(f"The searches agree on {same:.0%} of the captions only.")
    seconds = alternate(contenders, rounds)
    images = dict.fromkeys(contenders, IMAGES) | {"model.predict": PREDICTED}
    return {name: seconds[name] / images[name] * 1e3 for name in contenders}


def show(title: str, unit: str, times: dict[str, float], on: dict) -> None:
    table = Table(title=title, caption=str(on))
    for column in ("", unit, "in graph is faster by"):
        table.add_column(column, justify="right")
    for name, time in times.items():
        table.add_row(name, f"{time:,.2f}", f"{time / times['in graph']:.1f} ×")
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=names_of(PARTS), default=",".join(PARTS))
    parser.add_argument("--units", default="256", help="of each layer, with commas")
    parser.add_argument("--sizes", default="128,41 256,41", help="units,words of the beam search")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    units = tuple(int(size) for size in asked.units.split(","))
    report = {"machine": machine("tensorflow", "keras")}
    if "text" in asked.parts:
        report |= {"units": units, "microseconds_per_character": measure(units, asked.rounds)}
    if "beam" in asked.parts:
        sizes = [tuple(map(int, size.split(","))) for size in asked.sizes.split()]
        times = {f"{u},{v}": measure_beam(u, v, asked.rounds) for u, v in sizes}
        report["milliseconds_per_image"] = times
    if asked.json:
        print(json.dumps(report))
        return
    on = report["machine"]
    if "text" in asked.parts:
        title = f"LSTM {asked.units}, batch of 1, 65 characters"
        show(title, "µs a character", report["microseconds_per_character"], on)
    for size, times in report.get("milliseconds_per_image", {}).items():
        title = (
            f"LSTM units,words: {size}; {IMAGES} images, {BEAMS} beams, captions of {WORDS} words"
        )
        show(title, "ms an image", times, on)


if __name__ == "__main__":
    main()
