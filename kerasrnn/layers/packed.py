"""`SimpleRNN`, `LSTM` and `GRU`: `keras.layers` of those names, faster."""

import inspect

import keras

from kerasrnn.cells import GateCell, GRUCell, LSTMCell, SimpleRNNCell
from kerasrnn.layers.recurrent import Recurrent

_OF_THE_LAYER = ("name", "trainable", "dtype", "self", "options", "kwargs")


def _options(cell_class) -> list[str]:
    """The arguments of a cell's own, in order."""
    names = [*inspect.signature(cell_class).parameters, *inspect.signature(GateCell).parameters]
    return [name for name in dict.fromkeys(names) if name not in _OF_THE_LAYER]


class _Packed(Recurrent):
    """A layer that makes its own cell, and takes its arguments beside the layer's.

    `implementation` is accepted as Keras does, and changes nothing. `use_cudnn` True is the route
    "cudnn", False forbids that; `plan` says what runs.
    """

    cell_class: type
    cell_name: str
    like: type  # the layer of Keras whose arguments come in this order

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.cell_options = _options(cls.cell_class)
        for name in cls.cell_options:
            setattr(cls, name, property(lambda self, name=name: getattr(self.cell, name)))

    def __init__(self, units: int, *args, **kwargs):
        kwargs |= self._named(args, kwargs)
        kwargs.pop("implementation", None)
        use_cudnn = kwargs.pop("use_cudnn", "auto")
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f"`use_cudnn` must be 'auto', True or False, got {use_cudnn!r}.")
        if use_cudnn is True:
            kwargs.setdefault("route", "cudnn")
        options = {key: kwargs.pop(key) for key in self.cell_options if key in kwargs}
        cell = self.cell_class(
            units,
            **options,
            name=self.cell_name,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )
        super().__init__(cell, **kwargs)
        self.use_cudnn = use_cudnn
        self.cudnn = use_cudnn is not False
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def _named(self, args: tuple, kwargs: dict) -> dict:
        """What stands behind `units` without a name, in the order of Keras' layer."""
        names = [*inspect.signature(self.like.__init__).parameters][2:-1]  # without self and kwargs
        named = dict(zip(names, args, strict=False))
        if len(args) > len(names) or named.keys() & kwargs.keys():
            raise TypeError(
                f"Each argument of {type(self).__name__} must be given once, got {len(args) + 1} without a "
                f"name beside {', '.join(kwargs) or 'none'}."
            )
        return named

    def get_config(self) -> dict:
        config = {**super().get_config()}
        del config["cell"]
        cell = self.cell.get_config()
        config.update({name: cell[name] for name in self.cell_options})
        config["use_cudnn"] = self.use_cudnn
        config["activity_regularizer"] = keras.regularizers.serialize(self.activity_regularizer)
        return config

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="kerasrnn")
class SimpleRNN(_Packed):
    """`keras.layers.SimpleRNN`, faster: see `kerasrnn.cells.SimpleRNNCell` and `Recurrent`."""

    like, cell_class = keras.layers.SimpleRNN, SimpleRNNCell
    cell_name = "simple_rnn_cell"


@keras.saving.register_keras_serializable(package="kerasrnn")
class LSTM(_Packed):
    """`keras.layers.LSTM`, faster: see `kerasrnn.cells.LSTMCell` and `Recurrent`."""

    like, cell_class = keras.layers.LSTM, LSTMCell
    cell_name = "lstm_cell"


@keras.saving.register_keras_serializable(package="kerasrnn")
class GRU(_Packed):
    """`keras.layers.GRU`, faster: see `kerasrnn.cells.GRUCell` and `Recurrent`."""

    like, cell_class = keras.layers.GRU, GRUCell
    cell_name = "gru_cell"
