"""How far a recurrent network's gradient reaches back, and how its states and gates fare."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from kerasrnn.training.unrolled import Unrolled, cell_names, unrolled

LOW, HIGH = 0.1, 0.9  # a gate below or above is saturated
LARGEST = 2**28  # numbers that the Jacobians of one layer may hold, 1 GiB


@dataclass(frozen=True)
class Flow:
    """What one recurrent layer makes of one batch, in NumPy float64.

    Steps are in the order in which they ran, t = 1 … T; a step that a mask leaves out changes nothing.

    Attributes:
        through: for each state s, ‖∂s_T/∂s_k‖₂ for k = 0 … T, (B, T + 1), the other states at k held
            as they were: "h" is what deck 000's exercise bounds by η^(T-k), an LSTM's "c" its
            conveyor belt.
        largest: the largest singular value of ∂s_t/∂s_{t-1}, all states side by side, (B, T).
        error: ‖∂L/∂h_t‖, (B, T); None without targets or a compiled loss.
        states: each state after each step, (B, T, width).
        gates: for each gate, the shares of steps at which a unit's is below 0.1 and above 0.9, (H,)
            each.
        counted: bool (B, T), False where a mask left a step out.
    Source: deck 000, exercise "Vanishing gradient"; Karpathy et al. 2015, arXiv:1506.02078, section
    4.2 (the shares).
    """

    through: dict[str, np.ndarray]
    largest: np.ndarray
    error: np.ndarray | None
    states: dict[str, np.ndarray]
    gates: dict[str, tuple[np.ndarray, np.ndarray]]
    counted: np.ndarray

    @property
    def norms(self) -> dict[str, np.ndarray]:
        """‖s_t‖ of each state, (B, T)."""
        return {name: np.linalg.norm(state, axis=-1) for name, state in self.states.items()}

    def summary(self) -> dict[str, float]:
        """A few numbers that say how it goes."""
        found = {}
        steps = self.largest.shape[1]
        for name, through in self.through.items():
            for part, k in (("first", 0), ("middle", steps // 2)):
                found[f"through/{name}/{part}"] = float(through[:, k].mean())
        largest = self.largest[self.counted]
        if largest.size:
            found |= {"largest/mean": float(largest.mean()), "largest/max": float(largest.max())}
        if self.error is not None:
            found["error/first"] = float(self.error[:, 0].mean())
            found["error/last"] = float(self.error[:, -1].mean())
        for name, norms in self.norms.items():
            found[f"norm/{name}/mean"] = float(norms.mean())
            found[f"norm/{name}/last"] = float(norms[:, -1].mean())
        for name, (low, high) in self.gates.items():
            found[f"gate/{name}/below"] = float(low.mean())
            found[f"gate/{name}/above"] = float(high.mean())
        return found


def gradient_flow(model: keras.Model, batch) -> dict[str, Flow]:
    """Look into every recurrent layer of a model, at inference, over one small batch.

    Args:
        model: has layers of `kerasrnn.layers` with cells of `kerasrnn.cells`.
        batch: x, or (x, y) or (x, y, weights) as `fit` takes them: arrays, batch first.
    Returns:
        A `Flow` for each layer, by its name; a layer's second run is named "{name}_2", and so on.
    Raises:
        ValueError: if there is no such layer, none of them ran step by step, or the Jacobians would
            not fit into memory.
    """
    names = cell_names(model)
    batch = batch if isinstance(batch, tuple) else (batch,)
    batch = tuple(
        None if part is None else tf.nest.map_structure(tf.convert_to_tensor, part)
        for part in batch
    )
    x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
    judged = y is not None and model.compiled
    cells = []

    def look():
        with tf.GradientTape() as tape, unrolled(tape) as runs:
            answer = model(x, training=False)
            loss = model.compute_loss(x, y, answer, weights, training=False) if judged else answer
        taps = [run.taps[0] for run in runs]
        errors = tape.gradient(loss, taps, unconnected_gradients="zero") if judged else taps
        cells[:] = [run.cell for run in runs]  # of the last trace: the first may make variables
        return [_measure(run, error) for run, error in zip(runs, errors, strict=True)]

    held = [(variable, variable.numpy()) for variable in model.non_trainable_variables]
    found = tf.function(look, autograph=False)()
    for variable, value in held:  # a model that carries states on goes on where it was
        variable.assign(value)
    if not cells:
        raise ValueError(
            f"`model` must run a layer of `kerasrnn.layers` step by step, but {sorted(names.values())} "
            "ran all steps at once, as with a `teacher`; let the layer read its own answers."
        )
    flows = {}
    for cell, measured in zip(cells, found, strict=True):
        name, number = names[id(cell)], 2
        while name in flows:
            name, number = f"{names[id(cell)]}_{number}", number + 1
        flows[name] = _flow(cell, measured, judged)
    return flows


def _measure(run: Unrolled, error) -> dict:
    """Tensors of one run, time-major, in the order of its steps."""
    counted = run.keep[0][..., 0] if run.keep else tf.ones(tf.shape(run.z)[:2], tf.bool)
    found = {
        "states": run.states,
        "jacobians": _jacobians(run),
        "error": tf.norm(error, axis=-1),
        "counted": counted,
    }
    if run.reverse:
        found = tf.nest.map_structure(lambda tensor: tensor[::-1], found)
    return {**found, "gates": _saturation(run, counted)}


def _jacobians(run: Unrolled):
    """∂s_t/∂s_{t-1} of all states side by side, (T, B, S, S): a row for each new value."""
    widths = [state.shape[-1] for state in run.states]
    size = sum(widths)
    steps, batch = run.z.shape[:2]
    if steps * batch * size**2 > LARGEST:
        raise ValueError(
            f"`batch` must be small enough for {steps} x {batch} Jacobians of {size} x {size} "
            f"({LARGEST} numbers in all); take fewer rows or steps."
        )

    def of_step(step):
        z, old, keep = tf.nest.map_structure(lambda x: tf.repeat(x, size, axis=0), step)
        rows = tf.tile(tf.eye(size, dtype=z.dtype), (batch, 1))  # each new value by itself
        with tf.GradientTape() as tape:
            tape.watch(old)
            new = run.settle(run.step(z, old), old, keep)
        back = tape.gradient(new, old, tf.split(rows, widths, axis=-1), "zero")
        return tf.reshape(tf.concat(back, axis=-1), (batch, size, size))

    elements = run.z, run.previous, tuple(run.keep)
    return tf.map_fn(of_step, elements, fn_output_signature=run.z.dtype)


def _saturation(run: Unrolled, counted) -> dict:
    """For each gate that the cell's `recurrent_activation` squashes, two shares (H,)."""
    squash = getattr(run.cell, "recurrent_activation", None)
    if squash is None:
        return {}
    seen = []

    def watch(values):
        seen.append(squash(values))
        return seen[-1]

    run.cell.recurrent_activation = watch
    try:
        run.step(run.z, run.previous)
    finally:
        run.cell.recurrent_activation = squash
    names = getattr(run.cell, "gate_names", ())
    names = names if len(names) == len(seen) else [f"{k + 1}" for k in range(len(seen))]
    count = tf.maximum(tf.reduce_sum(tf.cast(counted, run.z.dtype)), 1)

    def share(where):
        where = tf.logical_and(where, counted[..., None])
        return tf.reduce_sum(tf.cast(where, run.z.dtype), axis=(0, 1)) / count

    return {n: (share(v < LOW), share(v > HIGH)) for n, v in zip(names, seen, strict=True)}


def _flow(cell, measured: dict, judged: bool) -> Flow:
    measured = tf.nest.map_structure(
        lambda t: t.numpy() if t.dtype.is_bool else t.numpy().astype("float64"), measured
    )
    batch_first = [np.swapaxes(state, 0, 1) for state in measured["states"]]
    return Flow(
        through=_through(measured["jacobians"], cell.states, [s.shape[-1] for s in batch_first]),
        largest=_norms(measured["jacobians"]).T,
        error=measured["error"].T if judged else None,
        states=dict(zip(cell.states, batch_first, strict=True)),
        gates=measured["gates"],
        counted=measured["counted"].T,
    )


def _through(jacobians, names, widths) -> dict[str, np.ndarray]:
    """‖∂s_T/∂s_k‖₂ for each state s, (B, T + 1), from ∂s_t/∂s_{t-1} (T, B, S, S)."""
    steps, batch, size, _ = jacobians.shape
    ends = np.cumsum([0, *widths])
    product = np.broadcast_to(np.eye(size), (batch, size, size))
    found = {name: np.ones((batch, steps + 1)) for name in names}
    for k in range(steps - 1, -1, -1):
        product = product @ jacobians[k]  # ∂s_T/∂s_k = ∂s_T/∂s_{k+1} ∂s_{k+1}/∂s_k
        for name, a, b in zip(names, ends, ends[1:], strict=False):
            found[name][:, k] = _norms(product[:, a:b, a:b])
    return found


def _norms(matrices):
    """Largest singular values (…,) of (…, m, n); infinite where an entry is not finite."""
    fine = np.isfinite(matrices).all(axis=(-2, -1))
    safe = np.where(fine[..., None, None], matrices, 0)
    return np.where(fine, np.linalg.norm(safe, ord=2, axis=(-2, -1)), np.inf)
