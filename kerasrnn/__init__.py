"""kerasrnn: recurrent networks in Keras, from the equation on a slide to a model that answers requests.

Importing the package loads neither Keras nor TensorFlow; the names below load what they need when first used.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {"load": "kerasrnn.run", "Run": "kerasrnn.run"}
__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
