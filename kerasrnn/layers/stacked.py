"""Cells above each other."""

import keras

from kerasrnn.layers.recurrent import Recurrent


@keras.saving.register_keras_serializable(package="kerasrnn")
class Stacked(keras.layers.Layer):
    """Recurrent layers above each other, each whole sequence at a time.

        y_1   y_2   …   y_T      (B, T, H) of the last cell
         ↑     ↑         ↑
        cell_L → …   → cell_L
         ↑     ↑         ↑
        cell_1 → …   → cell_1
         ↑     ↑         ↑
        x_1   x_2   …   x_T      (B, T, D)

    The numbers are those of `keras.layers.RNN([cell_1, …, cell_L])`; here each layer's input
    product is one product for all steps, which a loop over a stack of cells cannot have.

    Args:
        cells: from the lowest to the highest.
        return_sequences, return_state, go_backwards: as `keras.layers.RNN`; the states come from
            the lowest cell to the highest.
        route: see `Recurrent`.
    Raises:
        ValueError: if there is no cell.
    """

    def __init__(
        self,
        cells,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        route: str | None = None,
        **kwargs,
    ):
        if not cells:
            raise ValueError("`cells` must hold at least one cell, got none.")
        super().__init__(**kwargs)
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.route = go_backwards, route
        last = len(cells) - 1
        self.layers = [
            Recurrent(
                cell,
                return_sequences=k < last or return_sequences,
                return_state=True,
                go_backwards=go_backwards and k == 0,
                route=route,
                dtype=self.dtype_policy,
            )
            for k, cell in enumerate(cells)
        ]
        self.supports_masking = True

    def build(self, input_shape) -> None:
        for layer in self.layers:
            layer.build(input_shape)
            input_shape = (*input_shape[:2], layer.cell.output_size)
        self.built = True

    def call(self, sequences, initial_state=None, mask=None, training=False):
        states, given = [], list(initial_state or [])
        for layer in self.layers:
            count = len(layer.state_size)
            start, given = given[:count] or None, given[count:]
            sequences, *final = layer(sequences, initial_state=start, mask=mask, training=training)
            if layer.go_backwards and mask is not None:
                mask = keras.ops.flip(mask, axis=1)
            states += final
        return (sequences, *states) if self.return_state else sequences

    def compute_mask(self, _, mask=None):
        out = mask if self.return_sequences else None
        if not self.return_state:
            return out
        return [out] + [None for layer in self.layers for _ in layer.state_size]

    def get_config(self) -> dict:
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "cells": [serialize(layer.cell) for layer in self.layers],
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "route": self.route,
        }

    @classmethod
    def from_config(cls, config):
        cells = [keras.saving.deserialize_keras_object(cell) for cell in config.pop("cells")]
        return cls(cells, **config)
