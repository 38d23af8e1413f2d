"""Pictures of a captioner: what it says of test images, where it looks, and how its captions grew."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from kerasrnn.apps.captioner.config import Config
from kerasrnn.apps.captioner.data import Assets, Source, pictures, references
from kerasrnn.apps.captioner.decode import Speaker
from kerasrnn.data.captions import Example
from kerasrnn.data.images import read_image
from kerasrnn.training.folder import RunFolder
from kerasrnn.training.pictures import save_figure

SHOWN = 12  # images of a contact sheet, from all test splits together
COLUMNS = 4
REFERENCES = 3  # shown of each image
DARK = 0.2  # brightness of what is not looked at


def draw(
    model, config: Config, assets: Assets, source: Source, history: list[dict], folder: RunFolder
) -> None:
    """All pictures of a run, into its folder."""
    captions_by_epoch(history, folder.plot("captions_by_epoch"), folder.path.name)
    said = Speaker(model, config, assets)
    splits = [split for split in source.splits if split not in ("train", "valid", "all")]
    shown = []
    for split in splits:
        shown += captioned(said, source, split, SHOWN // len(splits))
    contact_sheet(shown, folder.plot("contact_sheet"), f"{source.name}: {folder.path.name}")
    if config.attentive:
        for number, (image, caption, _, alpha) in enumerate(shown[:: SHOWN // 2], 1):
            rows = {config.image.replace("_", " "): (caption, alpha)}
            attention_maps(image, rows, folder.plot(f"attention_{number}"))


def captioned(said: Speaker, source: Source, split: str, count: int) -> list[tuple]:
    """(image, caption, references, α (T, L) or None) of the first images of a split."""
    examples, images = pictures(source, said.config, split)
    wanted = references(examples[:count])
    x = next(iter(images.one_pass()))
    tokens = said.searched(x, said.config.beams).tokens[:, 0]
    captions = [caption.decode() for caption in said.spell(tokens).numpy()]
    attends = said.config.attentive
    alphas = said.looked(x, tokens).numpy() if attends else [None] * len(captions)
    pixels = [pixels_of(example, said.config.image_size) for example in examples[:count]]
    return list(zip(pixels, captions, wanted, alphas, strict=False))


def pixels_of(example: Example, size: int) -> np.ndarray:
    """An example's image, uint8 (size, size, 3)."""
    found = isinstance(example.image, Path)
    return read_image(example.image, size) if found else example.image


def contact_sheet(shown: list[tuple], path: Path, title: str) -> None:
    """Images with what the model says of them, and below, smaller, what people said.

    Args:
        shown: (image, caption, references, …) of each.
    """
    rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(3.2 * COLUMNS, 3.9 * rows), layout="constrained")
    every = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes in every:
        axes.set_axis_off()
    for axes, (image, caption, wanted, *_) in zip(every, shown, strict=False):
        axes.imshow(image, interpolation="nearest")
        right = caption in wanted
        axes.set_title(
            textwrap.fill(caption, 34), fontsize=9, color="#1a6b2a" if right else "black"
        )
        lines = [textwrap.fill(f"· {line}", 42) for line in wanted[:REFERENCES]]
        axes.text(0.5, -0.03, "\n".join(lines), fontsize=6.5, color="0.4", ha="center", va="top",
                  transform=axes.transAxes)  # fmt: skip
    figure.suptitle(f"{title}; green: one of the references, word for word")
    save_figure(figure, path)


def attention_maps(image: np.ndarray, rows: dict, path: Path) -> None:
    """Where models look while they write each word: a row a model, a column a word (Xu et al. 2015, figure 2).

    Args:
        image: uint8 (S, S, 3); what is looked at is lit, the most of a step fully.
        rows: a model's name → its caption and α (T, L).
    """
    longest = max(len(caption.split()) for caption, _ in rows.values())
    size = (1.25 * (longest + 1), 1.65 * len(rows) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), longest + 1, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for line, (name, (caption, alpha)) in zip(grid, rows.items(), strict=True):
        line[0].imshow(image, interpolation="nearest")
        line[0].set_title(name, fontsize=8)
        side = round(alpha.shape[1] ** 0.5)
        # the row of places that a row of pixels is in
        each = np.arange(len(image)) * side // len(image)
        for axes, word, share in zip(line[1:], caption.split(), alpha, strict=False):
            lit = share.reshape(side, side)[np.ix_(each, each)] / share.max()
            axes.imshow(image / 255 * (DARK + (1 - DARK) * lit[..., None]), interpolation="nearest")
            axes.set_title(word, fontsize=9)
    save_figure(figure, path)


def captions_by_epoch(history: list[dict], path: Path, title: str) -> None:
    """The training's curve, and beside it what the model said of one validation image after each epoch."""
    figure = Figure(figsize=(11, max(3.4, 0.3 * len(history) + 1)), layout="constrained")
    axes, beside = figure.subplots(1, 2, width_ratios=(1, 1.25))
    epochs = [row["epoch"] for row in history]
    loss = axes.plot(epochs, [row["loss"] for row in history], "o-", ms=3.5, label="training loss")
    axes.set(xlabel="epoch", ylabel="nats a word", title=title)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    score = axes.twinx()
    bleu = [row["valid_bleu4"] for row in history]
    lines = [*loss, *score.plot(epochs, bleu, "s-", ms=3.5, color="C1", label="validation BLEU-4")]
    score.set(ylim=(0, 1), ylabel="BLEU-4")
    axes.legend(handles=lines, frameon=False, loc="center right")
    beside.set_axis_off()
    beside.set_title("one validation image, after each epoch", fontsize=10)
    for place, row in enumerate(history):
        beside.text(0, 1 - (place + 0.5) / len(history), f"{row['epoch']:3}  {row['sample']}",
                    fontsize=8.5, va="center", transform=beside.transAxes)  # fmt: skip
    save_figure(figure, path)
