"""What a cell drops in training: inputs, states, weights, updates, memories.

Everything is drawn ahead of the loop, once for a sequence; axes as in `kerasrnn.shapes`.
"""

from keras import ops

from kerasrnn.chance import dropout_mask, uniform


def masks(like, count: int, rate: float, seed) -> list:
    """`count` dropout masks of the shape of `like`, 1 / (1 - rate) or 0."""
    return [dropout_mask(ops.shape(like), rate, seed, like.dtype) for _ in range(count)]


def carry_over(new, old, keep, rates) -> tuple:
    """The states after a step of which some units, or some sequences, keep what they had.

    Args:
        new, old: a tuple of (B, H) for each state.
        keep: bool (B, 1 or H), False where the old value stays: none, one for all states, or one
            for each.
        rates: none, or for each state the fraction of the old value that stays.
    """
    if any(rates):
        new = [n + rate * (o - n) for n, o, rate in zip(new, old, rates, strict=True)]
    if keep:
        keep = keep if len(keep) > 1 else keep * len(new)
        new = [ops.where(k, n, o) for k, n, o in zip(keep, new, old, strict=True)]
    return tuple(new)


class Drops:
    """The part of `GateCell` that draws masks; its rates are arguments there.

    Needs `units`, `gates`, `widths`, `states`, `noise`, `seed_generator`, `recurrent_kernel` and
    `recurrent_matrix()` of the cell.
    """

    def _set_drops(self, **rates):
        for name, rate in rates.items():
            setattr(self, name, rate)
        self.drop_names = tuple(rates)
        strict = ("weight_drop", "update_dropout", "memory_dropout")
        if len(self.zone_rates) != len(self.states):
            raise ValueError(
                f"`zoneout` must be one number or {len(self.states)}, one for each state, got "
                f"{self.zoneout}."
            )
        for rate in (*self.zone_rates, *(rates[name] for name in strict)):
            if not 0 <= rate < 1:
                raise ValueError(
                    "`zoneout`, `weight_drop`, `update_dropout` and `memory_dropout` must be in "
                    f"[0, 1), got {rate}."
                )
        for what in ("update", "memory"):
            if rates[f"{what}_dropout"] and what not in self.noise:
                raise ValueError(
                    f"`{what}_dropout` must be 0 for {type(self).__name__}, whose step has no "
                    f"{what} to drop from, got {rates[f'{what}_dropout']}."
                )

    @property
    def zone_rates(self) -> tuple[float, ...]:
        """The fraction of each state that zones out."""
        rates = self.zoneout if isinstance(self.zoneout, (list, tuple)) else [self.zoneout]
        return tuple(rates) * (len(self.states) if len(rates) == 1 else 1)

    def _masks(self, like, rate: float) -> list:
        count = self.gates if self.recurrent_dropout else 1
        return masks(like, count, rate, self.seed_generator) if rate else []

    def input_masks(self, inputs) -> list:
        """Dropout masks of x for inputs (B, D): none, one, or one for each gate."""
        return self._masks(inputs, self.dropout)

    def recurrent_masks(self, h) -> list:
        """Dropout masks of h (B, H): none, or one for each gate."""
        return self._masks(h, self.recurrent_dropout)

    def draw_kernel(self):
        """U with some of its entries dropped."""
        if not self.weight_drop:
            return self.recurrent_matrix()
        kernel = ops.convert_to_tensor(self.recurrent_kernel)
        (mask,) = masks(kernel, 1, self.weight_drop, self.seed_generator)
        return self.recurrent_matrix(kernel * mask)

    def zones(self, leading) -> list:
        """For each state, bool (*leading, width), False where a unit keeps its old value."""
        if not any(self.zone_rates):
            return []
        seed = self.seed_generator
        draws = [uniform((*leading, width), seed) for width in self.widths]
        return [u >= rate for u, rate in zip(draws, self.zone_rates, strict=True)]

    def draw_noise(self, like, steps=None) -> dict:
        """The masks that `gate()` reads as `states.update` and `states.memory`, by those names.

        Args:
            like: a state, (B, …).
            steps: T, for `update` of all steps (T, B, H); None for one step's, (B, H).
        """
        shape = (ops.shape(like)[0], self.units)
        shapes = {"update": shape if steps is None else (steps, *shape), "memory": shape}
        rates = {"update": self.update_dropout, "memory": self.memory_dropout}
        return {
            name: masks(ops.ones(shapes[name], like.dtype), 1, rate, self.seed_generator)[0]
            for name, rate in rates.items()
            if rate
        }
