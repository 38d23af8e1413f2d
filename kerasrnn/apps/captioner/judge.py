"""How good captions are: BLEU, CIDEr-D and ROUGE-L beside those that people gave, and where a model looked."""

from collections.abc import Sequence

import numpy as np

from kerasrnn.apps.captioner.config import Config
from kerasrnn.apps.captioner.data import Assets, Source, pictures, references
from kerasrnn.apps.captioner.decode import Speaker
from kerasrnn.apps.captioner.features import require_same
from kerasrnn.metrics import judge_captions

OBJECTIVE = ("bleu4", "max")


def judge(model, config: Config, assets: Assets, source: Source, split: str):
    """A function that judges `model`, as it is when called, on a split, with `config.beams`.

    Returns:
        () -> (images, metrics). Where the images' objects are known, as those of the synthetic scenes, a
        model that attends has a metric more: "attention_on_object", see `on_objects`.
    """
    require_same(model.encoder, config)
    examples, images = pictures(source, config, split)
    wanted, said = references(examples), Speaker(model, config, assets)
    masked = config.attentive and all(example.masks for example in examples)

    def ask() -> tuple[int, dict[str, float]]:
        captions, shares = [], []
        for x in images.one_pass():
            tokens = said.searched(x, config.beams).tokens[:, 0]
            captions += [caption.decode() for caption in said.spell(tokens).numpy()]
            if masked:
                shares += list(said.looked(x, tokens).numpy())
        captions = captions[: len(examples)]
        metrics = judge_captions(captions, wanted)
        if masked:
            metrics["attention_on_object"] = on_objects(
                captions, shares, [example.masks() for example in examples]
            )
        return len(examples), metrics

    return ask


def on_objects(
    captions: Sequence[str], shares: Sequence[np.ndarray], masks: Sequence[dict]
) -> float:
    """How much of the attention lies on an object while its name is written, a mean over all names.

    Args:
        captions: words joined by blanks.
        shares: for each, α (T, L), a word's a row; the places are a square, row by row.
        masks: for each, the pixels of what a name names, bool (S, S). A place is an object's if one of
            its pixels is. A name of what is not there counts 0.
    """
    names = set().union(*masks)
    found = [
        float(alpha @ places(mask[word], len(alpha))) if word in mask else 0.0
        for caption, rows, mask in zip(captions, shares, masks, strict=False)
        for word, alpha in zip(caption.split(), rows, strict=False)
        if word in names
    ]
    return float(np.mean(found)) if found else 0.0


def places(mask: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` places, a square of them row by row, have a pixel of `mask` (S, S): bool (count,)."""
    side = round(count**0.5)
    rows, columns = (np.nonzero(mask)[axis] * side // len(mask) for axis in (0, 1))
    there = np.zeros(count, bool)
    there[rows * side + columns] = True
    return there
