"""What the whale detector's tests listen to."""

import numpy as np
import pytest

from kerasrnn.apps.whale import synth


@pytest.fixture(scope="module")
def recording():
    """Two minutes and a bit, with eight loud calls a minute; and when they sound."""
    minutes = list(synth.recording(120, 480, (15, 15), synth.HOME, 5))
    sound = np.concatenate([sound for sound, _ in minutes])
    return np.append(sound, sound[:777]), [call for _, calls in minutes for call in calls]
