"""The recurrent stack in the middle of every builder: which cell, how many, how deep, both ways?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from keras.config import dtype_policy
from keras.layers import Activation, Concatenate, Dense

from kerasrnn.builders import recurrent
from kerasrnn.builders.checks import require_one_of, require_plain, require_share, require_size
from kerasrnn.builders.knobs import Depth, Merge
from kerasrnn.builders.states import named_states
from kerasrnn.cells.deep_transition import DeepTransition


@dataclass(frozen=True)
class Stack:
    """Recurrent layers over a sequence, deep in one of six ways (deck 000, "Deep RNN").

        (a) input_to_hidden   (b) …_shortcut   (c) hidden_to_hidden_and_output   (d) stacked

             y_t                  y_t                   y_t                        y_t
              ↑                    ↑                     ↑                          ↑
             h_t → …              h_t → …                ■                        h²_t → …
              ↑                   ↑ ↑                    ↑                          ↑
              ■                   ■ │                   h_t → ■ → …               h¹_t → …
              ↑                   ↑ │                    ↑                          ↑
             x_t                  x_t                   x_t                        x_t

    ■ stands for `depth_layers` dense tanh layers, as wide as the hidden layer next to them. In (b)
    the cell reads [x_t, ■]. In (c) each layer's cell becomes a `DeepTransition`, and ■ comes before
    the output too; "hidden_to_hidden_shortcut_and_output" leads h_{t-1} past ■ (deck 002). `layers`
    counts in each way: (a) and (b) deepen what the first layer reads, (c) every layer's step and
    the last one's answer. "stacked_shortcut" is (d) with x_t led to every layer and every layer's
    h_t led to the output (Graves 2013), for answers at each step.

    With bidirectional="concat" the output layer computes deck 000's y_t = W h→_t + W' h←_t + b, its
    kernel holding W over W'. "sum" is that with W' = W: y_t = W (h→_t + h←_t) + b.

    `cell` is a name in `kerasrnn.cells.CELLS`, with `units`; or a cell such as LSTMCell(64), a
    pattern that is built anew from its config for each layer. If it has a `seed`, that is the first
    layer's, and each further one has the next: layers of one width would drop the same places.
    `StackKnobs` says what the knobs mean. "output_rnn" answers by itself: it is one layer, and has no
    output layer above it.

    Raises:
        ValueError: if a knob has none of its values, or two do not go together.
    Source: Pascanu et al. 2013, arXiv:1312.6026, and Graves 2013, arXiv:1308.0850 (depth); Zaremba et
    al. 2014, arXiv:1409.2329 (where `dropout` drops); Gal & Ghahramani 2016, arXiv:1512.05287
    (`recurrent_dropout`).
    """

    cell: Any
    units: int | Sequence[int] | None = None
    cell_options: Mapping[str, Any] = field(default_factory=dict)
    layers: int = 1
    bidirectional: Merge | None = None
    depth: Depth = "stacked"
    depth_layers: int = 1
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    state_regularizer: Any = None

    def __post_init__(self):
        require_size("layers", self.layers, "it counts recurrent layers")
        require_size("depth_layers", self.depth_layers, "it counts the dense layers of `depth`")
        require_one_of("depth", self.depth, get_args(Depth))
        require_one_of("bidirectional", self.bidirectional, (None, *get_args(Merge)))
        for name in ("dropout", "recurrent_dropout"):
            require_share(name, getattr(self, name))
        if self._deep_transition:
            why = f"with depth={self.depth!r}; use `dropout`"
            require_plain("recurrent_dropout", self.recurrent_dropout, 0.0, why)
            why = f"with depth={self.depth!r}, whose layers do not see their cell's states"
            require_plain("state_regularizer", self.state_regularizer, None, why)
        if self._named:
            self._check_units()
        else:
            self._check_pattern()
        if recurrent.gives_answers(self.cell):
            self._check_answers()

    def answering(self, classes: int) -> "Stack":
        """The same stack; a named cell that gives the answers itself gives one of `classes`."""
        if not (self._named and recurrent.gives_answers(self.cell)):
            return self
        require_size("classes", classes, "it is the width of the output")
        return replace(self, cell_options={"classes": classes, **self.cell_options})

    def _check_units(self):
        require_one_of(
            "cell", self.cell, tuple(recurrent.CELLS), "or pass a cell such as LSTMCell(64)"
        )
        for size in self.sizes:
            require_size("units", size, f"cell={self.cell!r} needs the size of its state")
        if not self.sizes or self.layers not in (1, len(self.sizes)):
            raise ValueError(
                f"`units` must be one int, or one for each of the layers, got units={self.units!r} "
                f"with layers={self.layers}; a sequence of sizes counts the layers by itself."
            )

    def _check_pattern(self):
        if isinstance(self.cell, type) or not hasattr(self.cell, "state_size"):
            raise ValueError(
                f"`cell` must be one of {tuple(recurrent.CELLS)} or a cell such as LSTMCell(64), "
                f"got {self.cell!r}."
            )
        for name, default in (("units", None), ("cell_options", {}), ("recurrent_dropout", 0.0)):
            if getattr(self, name) != default:
                raise ValueError(
                    f"`{name}` must be left out with a cell instance, "
                    f"got {getattr(self, name)!r}; set it in the cell."
                )

    def _check_answers(self):
        plain = {"layers": 1, "bidirectional": None, "depth": "stacked", "dropout": 0.0}
        for name, value in plain.items():
            require_plain(name, getattr(self, name), value, "with a cell that answers by itself")

    def require_one_way(self, why: str):
        """Refuse a bidirectional stack; `why` is a clause.

        Raises:
            ValueError: if the stack is bidirectional.
        """
        require_plain("bidirectional", self.bidirectional, None, f"here ({why})")

    @property
    def sizes(self) -> list[int]:
        """H of each layer, from the bottom."""
        if not self._named:
            return [next(iter(named_states(self.cell).values()))] * self.layers
        each = isinstance(self.units, Sequence)
        return list(self.units) if each else [self.units] * self.layers

    @property
    def names(self) -> list[str]:
        """Each layer's name, from the bottom: "lstm_1", or "recurrent_1" for a cell instance."""
        label = self.cell if self._named else "recurrent"
        return [f"{label}_{number}" for number in range(1, len(self.sizes) + 1)]

    @property
    def states(self) -> dict[str, dict[str, int]]:
        """Each layer's name, and its states with their sizes: {"lstm_1": {"h": 64, "c": 64}}."""
        cells = [self._cell(size) for size in self.sizes]
        return {name: named_states(cell) for name, cell in zip(self.names, cells, strict=True)}

    def read(self, x, *, mask=None, start=None, sequences=True, states=False, prefix="", **answers):
        """Run the stack over a sequence.

        Args:
            x: (B, T, D), a Keras tensor.
            mask: bool (B, T), True where a step counts; given to every layer.
            start: each layer's initial states, a list of lists (B, H); zeros without it.
            sequences: whether the last layer answers at each step, or once.
            states: whether each layer's last states are wanted.
            prefix: put before the layers' names.
            **answers: `teacher` (B, T, C), for a cell that reads its own answers otherwise.
        Returns:
            (B, T, H) or (B, H), and each layer's last states: a list of lists (B, H), empty
            without `states`. "concat" makes 2 H of H; the backward states follow the forward ones.
        """
        if self._shortcuts and not sequences:
            raise ValueError(f"depth={self.depth!r} needs a builder that answers at each step.")
        x = lowest = self._deepen_input(x, prefix)
        outputs, finals = [], []
        for number, (name, size) in enumerate(zip(self.names, self.sizes, strict=True), 1):
            if number > 1:
                x = self._drop(x, f"{prefix}dropout_{number - 1}")
                if self._shortcuts:
                    x = Concatenate(name=f"{prefix}shortcut_{number - 1}")([x, lowest])
            last = number == len(self.sizes)
            returns = {"return_sequences": sequences or not last, "return_state": states}
            layer = self._layer(size, number, f"{prefix}{name}", **returns)
            first = start[number - 1] if start else None
            result = layer(x, mask=mask, initial_state=first, **answers)
            x, *final = result if states else (result,)
            outputs.append(x)
            finals.append(final)
        if self._shortcuts and len(outputs) > 1:
            x = Concatenate(name=f"{prefix}every_layer")(outputs)
        return x, finals

    def answer(self, h, classes: int, activation):
        """The output layer: (…, H) → (…, C), after dropout and the output's part of `depth`."""
        require_size("classes", classes, "it is the width of the output")
        if recurrent.gives_answers(self.cell):
            return self._own_answer(h, classes, activation)
        h = self._drop(h, "dropout_out")
        if self._deep_transition:
            h = self._dense(h, self.sizes[-1], "deep_output")
        # The numbers that a loss reads stay in the variables' precision under a mixed policy.
        dtype = dtype_policy().variable_dtype
        return Dense(classes, activation=activation, dtype=dtype, name="outputs")(h)

    def _own_answer(self, y, classes: int, activation):
        if y.shape[-1] != classes:
            raise ValueError(
                f"`classes` must be the cell's own, {y.shape[-1]}, got {classes}; it answers itself."
            )
        of = activation or "linear"
        return Activation(of, dtype=dtype_policy().variable_dtype, name="outputs")(y)

    @property
    def _named(self) -> bool:
        return isinstance(self.cell, str)

    @property
    def _shortcuts(self) -> bool:
        return self.depth == "stacked_shortcut"

    @property
    def _deep_transition(self) -> bool:
        return self.depth.startswith("hidden_to_hidden")

    def _options(self, number: int) -> dict:
        options = {"recurrent_dropout": self.recurrent_dropout, **self.cell_options}
        return _seeded(options, number)

    def _cell(self, size: int, number: int = 1):
        if self._named:
            cell = recurrent.get(self.cell, size, **self._options(number))
        else:
            cell = type(self.cell).from_config(_seeded(self.cell.get_config(), number))
        if not self._deep_transition:
            return cell
        return DeepTransition(cell, self.depth_layers, shortcut="shortcut" in self.depth)

    def _layer(self, size: int, number: int, name: str, **returns: bool):
        arguments = {"name": name, "state_regularizer": self.state_regularizer, **returns}
        if self._named and self.cell in recurrent.LAYERS and not self._deep_transition:
            options = arguments | self._options(number)
            layer = recurrent.LAYERS[self.cell](size, **options)
        else:
            layer = recurrent.layer_over(self._cell(size, number), **arguments)
        if self.bidirectional is None:
            return layer
        return recurrent.Bidirectional(
            layer, merge_mode=self.bidirectional, name=f"bidirectional_{name}"
        )

    def _deepen_input(self, x, prefix: str):
        if self.depth not in ("input_to_hidden", "input_to_hidden_shortcut"):
            return x
        deep = self._dense(x, self.sizes[0], f"{prefix}deep_input")
        if self.depth == "input_to_hidden":
            return deep
        return Concatenate(name=f"{prefix}shortcut")([x, deep])

    def _dense(self, x, size: int, name: str):
        for k in range(self.depth_layers):
            x = Dense(size, activation="tanh", name=f"{name}_{k + 1}")(x)
        return x

    def _drop(self, x, name: str):
        return recurrent.Dropout(self.dropout, name=name)(x) if self.dropout else x


def _seeded(options: dict, number: int) -> dict:
    """A cell's options with the seed of layer `number`, from 1, where they have one."""
    seed = options.get("seed")
    return options if seed is None else {**options, "seed": seed + number - 1}
