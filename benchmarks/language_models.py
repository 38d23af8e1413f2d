"""Language models of words on one text: 5-gram, feed-forward network, RNN, and mixtures of them.

    python -m benchmarks.language_models [--data FILE] [--minutes M] [--json]

All read the same tokens and tell the same words apart, and each predicts every word and line end of the test
part. The 5-gram and the feed-forward network learn from the training part once; the RNN for M minutes. A
mixture's weights are those that predict the validation part best. Where the text is cut (a file, a few files),
the first half of what is held out is that part, and the second half the test; otherwise they are other files.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks.measure import machine
from kerasrnn.apps import word_lm
from kerasrnn.apps.word_lm.data import END, UNKNOWN, Assets, open_source
from kerasrnn.baselines import NGramModel, feed_forward_ngram, kneser_ney, mixture, mixture_weights

ORDER = 5
ROWS = {
    "5-gram": ("5-gram",),
    "feed-forward": ("feed-forward",),
    "RNN": ("RNN",),
    "feed-forward + 5-gram": ("feed-forward", "5-gram"),
    "RNN + 5-gram": ("RNN", "5-gram"),
    "all three": ("RNN", "feed-forward", "5-gram"),
}
CHUNK = 256  # tokens that the RNN reads at once where it is judged


def parts(data: str | None, config) -> dict[str, tuple[str, ...]]:
    """The training, validation and test texts."""
    splits = open_source(data, config).splits
    if splits["valid"] is not splits["test"]:
        return splits
    halves = [(text[: len(text) // 2], text[len(text) // 2 :]) for text in splits["valid"]]
    return {"train": splits["train"]} | dict(
        zip(("valid", "test"), zip(*halves, strict=True), strict=True)
    )


def sentences(document: np.ndarray, assets: Assets) -> list[list[str]]:
    """A document's lines as words; each but "<unk>" by its name."""
    ends = np.flatnonzero(document == assets.vocabulary.index(END))
    return [
        [assets.vocabulary[number] for number in document[begin + 1 : end]]
        for begin, end in pairwise(ends)
    ]


def by_ngram(model: NGramModel, documents: Sequence[np.ndarray], assets: Assets) -> np.ndarray:
    """ln P of every token after a document's first, (N,)."""
    lines = [line for document in documents for line in sentences(document, assets)]
    return np.concatenate(model.scores(lines)) * np.log(10)


def windows(documents: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The ORDER - 1 tokens before each token after a document's first, (N, ORDER - 1), and itself, (N,)."""
    padded = [np.pad(document, (ORDER - 2, 0)) for document in documents]  # END is 0
    views = [np.lib.stride_tricks.sliding_window_view(one, ORDER) for one in padded]
    rows = np.concatenate(views)
    return rows[:, :-1], rows[:, -1]


def feed_forward(documents, assets: Assets, epochs: int) -> keras.Model:
    """Bengio's network, trained with AdamW; its rate falls to zero."""
    model = feed_forward_ngram(
        vocabulary=len(assets.vocabulary),
        order=ORDER,
        embedding_size=60,
        units=100,
        direct=False,
        dropout=0.3,
    )
    x, y = windows(documents)
    batch = 256
    rate = keras.optimizers.schedules.CosineDecay(4e-3, epochs * -(-len(x) // batch))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.05), loss)
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
    return model


def by_feed_forward(model: keras.Model, documents) -> np.ndarray:
    x, y = windows(documents)
    found = []
    for first in range(0, len(x), 1024):
        logits = model(x[first : first + 1024])
        chances = tf.nn.log_softmax(logits).numpy()
        found.append(chances[np.arange(len(chances)), y[first : first + 1024]])
    return np.concatenate(found)


def by_network(network: keras.Model, documents) -> np.ndarray:
    """ln P of every token after a document's first; the state runs through each document."""
    found = []
    for document in documents:
        states = [tf.zeros((1, state.shape[-1])) for state in network.inputs[1:]]
        for first in range(0, len(document) - 1, CHUNK):
            piece = document[first : first + CHUNK + 1]
            logits, *states = network([tf.constant(piece[None, :-1]), *states])
            chances = tf.nn.log_softmax(logits[0]).numpy()
            found.append(chances[np.arange(len(piece) - 1), piece[1:]])
    return np.concatenate(found)


def measure(
    data: str | None, minutes: float, preset: str = "small", seed: int = 0, epochs: int = 4
) -> dict:
    """Test perplexities by row of `ROWS`, the mixtures' weights, and how much text there was."""
    with tempfile.TemporaryDirectory() as folder:
        run = word_lm.train(
            data, preset=preset, max_minutes=minutes, out=Path(folder, "run"), seed=seed
        )
        network, assets = run.model.model, run.assets
    texts = parts(data, run.config)
    documents = {
        part: [assets.encode(text) for text in texts[part]] for part in ("train", "valid", "test")
    }
    known = [word for word in assets.vocabulary if word not in (END, UNKNOWN)]
    lines = [line for document in documents["train"] for line in sentences(document, assets)]
    ngram = kneser_ney(lines, ORDER, vocabulary=known)
    keras.utils.set_random_seed(seed)
    forward = feed_forward(documents["train"], assets, epochs)
    judged = {
        part: {
            "5-gram": by_ngram(ngram, documents[part], assets),
            "feed-forward": by_feed_forward(forward, documents[part]),
            "RNN": by_network(network, documents[part]),
        }
        for part in ("valid", "test")
    }
    perplexity, weights = {}, {}
    for row, names in ROWS.items():
        best = mixture_weights([judged["valid"][name] for name in names])
        weights[row] = dict(zip(names, best.tolist(), strict=True))
        logs = mixture([judged["test"][name] for name in names], best)
        perplexity[row] = float(np.exp(-logs.mean()))
    return {
        "perplexity": perplexity,
        "weights": weights,
        "vocabulary": len(assets.vocabulary),
        "tokens": {part: sum(len(one) - 1 for one in documents[part]) for part in documents},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a UTF-8 file or a folder of them; else Python's help()")
    parser.add_argument("--minutes", type=float, default=4.0, help="of training for the RNN")
    parser.add_argument("--preset", default="small", help="of word_lm")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    result = measure(asked.data, asked.minutes, asked.preset, asked.seed)
    on = machine("tensorflow", "keras")
    if asked.json:
        print(json.dumps({"machine": on} | result))
        return
    tokens = ", ".join(f"{count:,} {part}" for part, count in result["tokens"].items())
    title = f"Perplexity on the test part; {tokens} tokens, {result['vocabulary']:,} words"
    table = Table(title=title, caption=str(on))
    for column in ("model", "perplexity", "weights, from the validation part"):
        table.add_column(column, justify="right")
    for row, value in result["perplexity"].items():
        shares = ", ".join(f"{share:.2f} {name}" for name, share in result["weights"][row].items())
        table.add_row(row, f"{value:.1f}", shares if len(ROWS[row]) > 1 else "")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
