"""From a compiled model to a run folder: fit, truncated back-propagation, callbacks, checkpoints.

The names below load what they need when first used.
"""

import importlib

_HOMES = {
    "AutoClip": "clipping",
    "Diagnosis": "diagnosis",
    "Flow": "flow",
    "MeanClip": "clipping",
    "OmegaRegularized": "omega",
    "ScheduledSampling": "scheduled_sampling",
    "TruncatedBPTT": "truncated",
    "WindowedBPTT": "windows",
    "data_parallel": "jax_devices",
    "gradient_flow": "flow",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
