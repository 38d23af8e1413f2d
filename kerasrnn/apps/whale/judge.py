"""How well calls are told from the rest: the area under the ROC curve with its interval, average precision."""

import numpy as np

from kerasrnn.apps.whale.clips import Clips, Source, full_scale
from kerasrnn.apps.whale.config import Config
from kerasrnn.apps.whale.data import Assets
from kerasrnn.apps.whale.decode import Listener
from kerasrnn.errors import UserError
from kerasrnn.metrics.detection import auc_interval, average_precision, roc_auc

OBJECTIVE = ("auc", "max")


def judge(model, config: Config, assets: Assets, source: Source, split: str):
    """A function that judges `model`, as it is when called, on a split.

    Returns:
        () -> (clips, metrics): auc, the ends of its 95 % interval, average_precision.
    Raises:
        UserError: if the split lacks one of the two kinds of clips.
    """
    clips = source.splits[split]
    if not len(clips.labels) or clips.labels.all() or not clips.labels.any():
        raise UserError(
            f"The {split} split of {source.name} must hold clips with a call and clips without; "
            "give more clips, or judge another split."
        )
    heard = Listener(model, config, assets)

    def ask() -> tuple[int, dict[str, float]]:
        found = scores(heard, clips)
        low, high = auc_interval(clips.labels, found)
        return len(found), {
            "auc": roc_auc(clips.labels, found),
            "auc_low": low,
            "auc_high": high,
            "average_precision": average_precision(clips.labels, found),
        }

    return ask


def scores(heard: Listener, clips: Clips, rows: int = 250) -> np.ndarray:
    """The probability of a call in each clip, float32 (N,)."""
    count = len(clips.audio)
    parts = [
        heard.clips_heard(full_scale(clips.audio[first : first + rows])).numpy()
        for first in range(0, count, rows)
    ]
    return np.concatenate(parts)
