"""CTC: the loss with its gradient against TensorFlow's, Keras' and torch's, and how fast frames are decoded.

    python -m benchmarks.ctc
    python -m benchmarks.ctc --parts loss --sizes 32,50,5,12 --json

Milliseconds of a loss with its gradient, each contender compiled in the best way it allows, and how many
times faster than real time the decoders are, at 50 frames a second.
"""

import argparse
import json
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks.measure import alternate, machine, names_of
from kerasrnn.baselines import kneser_ney, write_arpa
from kerasrnn.decoders.ctc import greedy, prefix_beam
from kerasrnn.decoders.ctc_flashlight import FlashlightSearch
from kerasrnn.decoders.ctc_language import LanguageSearch
from kerasrnn.decoders.spelling import Spelling
from kerasrnn.losses import ctc

PARTS = ("loss", "decoders")
RATE = 50  # frames a second
SECONDS, ROWS, WIDTH = 10, 16, 64  # of the decoders: of a recording, recordings, beams
LETTERS = "abcdefghijklmnopqrstuvwxyz'- "


def problem(rows: int, frames: int, labels: int, symbols: int) -> tuple[np.ndarray, ...]:
    """logits, labels and both lengths, the rows of different lengths."""
    rng = np.random.default_rng(0)
    return (
        rng.normal(scale=2, size=(rows, frames, symbols)).astype(np.float32),
        rng.integers(0, symbols - 1, (rows, labels)).astype(np.int32),
        rng.integers(labels // 2, labels + 1, rows).astype(np.int32),
        rng.integers(frames * 3 // 4, frames + 1, rows).astype(np.int32),
    )


def graphs(blank: int) -> dict:
    """(logits, labels, label lengths, frames) -> losses, for each contender; "jit" stands for XLA around it."""

    def ours(logits, labels, sizes, frames):
        return ctc(labels, logits, sizes, frames, blank=blank)[0]

    def tensorflow(logits, labels, sizes, frames):
        return tf.nn.ctc_loss(
            labels, logits, sizes, frames, logits_time_major=False, blank_index=blank
        )

    def keras_(logits, labels, sizes, frames):
        from keras import ops

        return ops.ctc_loss(labels, logits, sizes, frames, mask_index=blank)

    return {"ours": ours, "tf.nn.ctc_loss": tensorflow, "keras.ops.ctc_loss": keras_}


def with_gradient(loss, jit: bool, inputs):
    """() -> the losses' sum and gradient, computed."""

    @tf.function(jit_compile=jit or None, autograph=False)
    def both(logits, *rest):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = loss(logits, *rest)
        return losses, tape.gradient(losses, logits)

    tensors = [tf.constant(x) for x in inputs]
    return lambda: [x.numpy() for x in both(*tensors)]


def in_torch(inputs, blank: int):
    """The same in torch, or None where it is not installed."""
    try:
        import torch
    except ModuleNotFoundError:
        return None
    logits, labels, sizes, frames = (torch.tensor(x) for x in inputs)
    loss = torch.nn.CTCLoss(blank=blank, reduction="none")

    def both():
        leaf = logits.clone().requires_grad_()
        losses = loss(
            leaf.log_softmax(-1).transpose(0, 1), labels.long(), frames.long(), sizes.long()
        )
        losses.sum().backward()
        return [losses.detach().numpy(), leaf.grad.numpy()]

    return both


def measure_loss(size: tuple[int, ...], rounds: int) -> dict[str, float]:
    """Milliseconds of each contender, after all were seen to agree."""
    inputs, blank = problem(*size), size[-1] - 1
    contenders = {}
    for name, loss in graphs(blank).items():
        contenders[name] = with_gradient(loss, False, inputs)
        contenders[f"{name}, jit"] = with_gradient(loss, True, inputs)
    if torch_ := in_torch(inputs, blank):
        contenders["torch.nn.CTCLoss"] = torch_
    wanted = contenders["ours"]()
    for name, call in contenders.items():
        for got, expected in zip(call(), wanted, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=2e-2, err_msg=name)
    return {name: 1e3 * seconds for name, seconds in alternate(contenders, rounds).items()}


def spoken(rng, sentences: list[list[str]]) -> np.ndarray:
    """Logits (B, T, S) that nearly say the sentences: a spike for each letter, and noise."""
    frames = RATE * SECONDS
    logits = rng.normal(size=(ROWS, frames, len(LETTERS) + 1))
    logits[:, :, -1] += 5
    for row in range(ROWS):
        text = " ".join(sentences[row])
        places = np.sort(rng.choice(frames, min(len(text), frames), replace=False))
        for place, letter in zip(places, text, strict=False):
            logits[row, place, LETTERS.index(letter)] += 9
    return logits.astype(np.float32)


def measure_decoders(rounds: int) -> dict[str, float]:
    """Times real time of each decoder."""
    rng = np.random.default_rng(0)
    plain = list(LETTERS.strip())
    words = ["".join(rng.choice(plain, rng.integers(2, 9))) for _ in range(2000)]
    sentences = [[words[i % 2000] for i in rng.zipf(1.3, 25)] for _ in range(3000)]
    logits, blank = spoken(rng, sentences), len(LETTERS)
    frames = np.full(ROWS, logits.shape[1], np.int32)
    model = kneser_ney(sentences, 3)
    given = tf.constant(logits), tf.constant(frames)
    contenders = {}
    for name, decode in {
        "greedy": lambda x, t: greedy(x, t, blank),
        f"prefix beam, {WIDTH} beams": lambda x, t: prefix_beam(x, t, blank, WIDTH),
    }.items():
        for jit in (False, True):
            graph = tf.function(decode, jit_compile=jit or None, autograph=False)
            contenders[name + ", jit" * jit] = lambda graph=graph: graph(*given).symbols.numpy()
    letters = kneser_ney([list(word) for word in words], 4)
    for name, closed in {"words of a 3-gram": False, "only its words": True}.items():
        spelling = Spelling(LETTERS, words, closed)
        search = LanguageSearch(spelling, model, letters=None if closed else letters, width=WIDTH)
        contenders[f"{name}, {WIDTH} beams"] = lambda search=search: search(logits, frames)
    if find_spec("flashlight"):
        with tempfile.TemporaryDirectory() as folder:
            write_arpa(model, Path(folder, "model.arpa"))
            closed = Spelling(LETTERS, words, closed=True)
            theirs = FlashlightSearch(closed, Path(folder, "model.arpa"), width=WIDTH)
        contenders[f"the same by flashlight, {WIDTH} beams"] = lambda: theirs(logits, frames)
    seconds = alternate(contenders, rounds)
    return {name: ROWS * SECONDS / seconds[name] for name in contenders}


def show(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], on: dict) -> None:
    table = Table(title=title, caption=str(on))
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row)
    Console(width=110).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=names_of(PARTS), default=",".join(PARTS))
    parser.add_argument("--sizes", default="32,50,5,12 32,200,40,29 16,800,120,29", help="B,T,L,K")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    on = machine("tensorflow", "keras")
    report = {"machine": on}
    if "loss" in asked.parts:
        sizes = [tuple(map(int, size.split(","))) for size in asked.sizes.split()]
        report["milliseconds"] = {str(s): measure_loss(s, asked.rounds) for s in sizes}
    if "decoders" in asked.parts:
        report["times_real_time"] = measure_decoders(asked.rounds)
    if asked.json:
        print(json.dumps(report))
        return
    for size, times in report.get("milliseconds", {}).items():
        rows = [(name, f"{ms:,.2f}", f"{ms / times['ours']:.1f} ×") for name, ms in times.items()]
        title = f"CTC with its gradient, (B, T, L, K) = {size}"
        show(title, ("", "ms", "ours is faster by"), rows, on)
    if speeds := report.get("times_real_time"):
        rows = [(name, f"{speed:,.0f} ×") for name, speed in speeds.items()]
        title = (
            f"{ROWS} recordings of {SECONDS} s, {len(LETTERS) + 1} symbols, {RATE} frames a second"
        )
        show(title, ("", "real time"), rows, on)


if __name__ == "__main__":
    main()
