"""How a cell's W, U and b begin, are penalised and are constrained."""

import keras

from kerasrnn import initializers

KINDS = ("kernel", "recurrent", "bias")  # W, U and b
OPTIONS = ("initializer", "regularizer", "constraint")


class Weights:
    """The part of `GateCell` that makes weights; what it sets are arguments there."""

    def _set_weight_options(self, **options):
        """Set kernel_initializer … bias_constraint from a triple for each of `OPTIONS`."""
        for option, values in options.items():
            module = initializers if option == "initializer" else getattr(keras, f"{option}s")
            for kind, value in zip(KINDS, values, strict=True):
                setattr(self, f"{kind}_{option}", module.get(value))

    def _weight_options(self) -> dict:
        """The same for `get_config`."""
        return {
            f"{kind}_{option}": getattr(keras, f"{option}s").serialize(
                getattr(self, f"{kind}_{option}")
            )
            for kind in KINDS
            for option in OPTIONS
        }

    def start(self, kind: str):
        """The initializer of the weight that `kind` names: kernel, recurrent or bias."""
        return getattr(self, f"{kind}_initializer")

    def _weight(self, name: str, shape, kind: str | None = None):
        kind = kind or name
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=self.start(kind),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )
