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

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.cell_options = _options(cls.cell_class)
        for name in cls.cell_options:
            setattr(cls, name, property(lambda self, name=name: getattr(self.cell, name)))

    def __init__(self, units: int, *args, implementation: int = 2, use_cudnn="auto", **kwargs):
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f"`use_cudnn` must be 'auto', True or False, got {use_cudnn!r}.")
        if use_cudnn is True:
            kwargs.setdefault("route", "cudnn")
        positional = dict(zip(self.cell_options[1:], args, strict=False))
        options = {name: kwargs.pop(name) for name in self.cell_options if name in kwargs}
        cell = self.cell_class(
            units,
            **{**positional, **options},
            name=self.cell_name,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )
        super().__init__(cell, **kwargs)
        self.use_cudnn = use_cudnn
        self.cudnn = use_cudnn is not False
        self.input_spec = keras.layers.InputSpec(ndim=3)

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

    cell_class = SimpleRNNCell
    cell_name = "simple_rnn_cell"


@keras.saving.register_keras_serializable(package="kerasrnn")
class LSTM(_Packed):
    """`keras.layers.LSTM`, faster: see `kerasrnn.cells.LSTMCell` and `Recurrent`."""

    cell_class = LSTMCell
    cell_name = "lstm_cell"


@keras.saving.register_keras_serializable(package="kerasrnn")
class GRU(_Packed):
    """`keras.layers.GRU`, faster: see `kerasrnn.cells.GRUCell` and `Recurrent`."""

    cell_class = GRUCell
    cell_name = "gru_cell"
