"""Choose how a cell runs over a sequence, and run it."""

import importlib
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import keras
from keras import ops

from kerasrnn.cells.base import GateCell
from kerasrnn.cells.drops import carry_over
from kerasrnn.cells.product import centred
from kerasrnn.recurrence import cudnn as _cudnn
from kerasrnn.recurrence import directions
from kerasrnn.recurrence.problem import Operands, Problem

ROUTES = ("step", "cluster", "loop", "kernel", "scan", "cudnn")
BACKENDS = ("tensorflow", "jax")
LOOPS = ("cluster", "loop", "kernel")  # of gate-form cells
_portable = False
_compiled = False
_sharing = 1
_watcher = None
_results = ContextVar("results", default=None)  # of cells that have run, for this thread alone


@contextmanager
def portable():
    """Inside, nothing is compiled by XLA: for graphs that leave this process, as exports do."""
    global _portable
    before, _portable = _portable, True
    try:
        yield
    finally:
        _portable = before


def is_portable() -> bool:
    """Whether the graph that is made leaves this process."""
    return _portable


@contextmanager
def compiled(whole: bool = True):
    """Inside, if `whole`, all is one XLA program: cuDNN, which XLA cannot compile, is not chosen."""
    global _compiled
    before, _compiled = _compiled, whole or _compiled
    try:
        yield
    finally:
        _compiled = before


@contextmanager
def sharing(runs: int):
    """Inside, `runs` sequences are run that do not wait for each other: each has its share of the cores."""
    global _sharing
    before, _sharing = _sharing, runs * _sharing
    try:
        yield
    finally:
        _sharing = before


def shared_by() -> int:
    """How many runs share the cores."""
    return _sharing


@contextmanager
def watched(watcher):
    """Inside, every sequence runs step by step through `watcher`, which sees all that a step sees.

    Args:
        watcher: takes the arguments of `run_steps`, and returns what it returns.
    """
    global _watcher
    before, _watcher = _watcher, watcher
    try:
        yield
    finally:
        _watcher = before


def is_watched() -> bool:
    """Whether runs go step by step through a watcher."""
    return _watcher is not None


@contextmanager
def answered(cells, results):
    """Inside, the next `run` of each of `cells` returns its one of `results`, what `run_both` returned."""
    pairs = zip(map(id, cells), results, strict=True)
    token = _results.set({**(_results.get() or {}), **dict(pairs)})
    try:
        yield
    finally:
        _results.reset(token)


@dataclass(frozen=True)
class Plan:
    """How a layer will run.

    Attributes:
        route: "step" (one step, no loop), "cluster" (gate-form loops, each compiled by XLA), "loop"
            (gate-form loops, compiled with whatever stands around them), "kernel" (each loop one GPU
            kernel, on JAX, if asked for), "scan" (the cell's own step, differentiated
            automatically) or "cudnn"; a layer of its own may have another.
        why: a sentence.
        together: whether both directions of a bidirectional layer have one loop.
    """

    route: str
    why: str
    together: bool = False


def backend():
    """The module with this Keras backend's loops."""
    name = keras.backend.backend()
    if name not in BACKENDS:
        raise NotImplementedError(
            f"Keras must run on {' or '.join(BACKENDS)} for the layers of kerasrnn, got {name}."
        )
    return importlib.import_module(f"kerasrnn.recurrence.{name}")


def plan(cell, shape, route: str | None = None, *, cudnn: bool = True) -> Plan:
    """Say how `cell` runs over inputs of `shape` (B, T, D), None for an unknown size.

    Args:
        route: one of `ROUTES` to force it.
        cudnn: whether cuDNN may be chosen; not where there is a mask.
    Raises:
        ValueError: if T is 0, or the forced route cannot run this cell.
    """
    steps = shape[1]
    if steps == 0:
        raise ValueError(
            f"`inputs` must have at least one step (batch, time, features), got shape "
            f"{tuple(shape)}; drop empty sequences, or mask them whole."
        )
    gate_form = isinstance(cell, GateCell) and cell.gate_form
    if route is not None:
        return _forced(route, gate_form, cell, steps)
    if steps == 1:
        return Plan("step", "T is 1: one step needs no loop.")
    if not gate_form:
        return Plan("scan", f"{type(cell).__name__} is not in gate form here.")
    on_tensorflow = keras.backend.backend() == "tensorflow"
    if on_tensorflow and cudnn and not _portable and not _compiled and not _cudnn.lacks(cell):
        return Plan("cudnn", "a GPU is visible, and cuDNN has this very cell.")
    if not on_tensorflow:  # whose own loops are faster than its way to cuDNN
        return Plan("loop", f"{keras.backend.backend()} compiles the loops with the model.")
    if _portable:
        return Plan("loop", "the graph leaves this process: nothing of it needs XLA.")
    loops = backend().side_by_side(cell, *shape[:2])
    many = f", in a graph {loops} side by side, each over a part of the batch" if loops > 1 else ""
    return Plan("cluster", f"gate form: each loop is an XLA cluster of its own{many}.")


def plan_both(cells, shape, routes, together: bool | None = None, *, cudnn: bool = True) -> Plan:
    """Say how the two cells of a bidirectional layer run over inputs of `shape` (B, T, D).

    Args:
        routes: what each direction is forced to, as for `plan`.
        together: force one loop for both, or two; None chooses.
    Raises:
        ValueError: as `plan` does, or if one loop is forced on what cannot share it.
    """
    with sharing(2):
        alone = plan(cells[0], shape, routes[0], cudnn=cudnn and not together)
    if together is False or alone.route == "step":
        return alone
    lacks = _lacks_one_loop(cells, routes, alone)
    if together and lacks:
        raise ValueError(f"`together` must be False or None here: {lacks}")
    if lacks or not (together or _pays(shape)):
        return alone
    why = f"{alone.why} Both directions are one loop, with one batched product a step."
    return Plan(alone.route, why, together=True)


def _lacks_one_loop(cells, routes, alone: Plan) -> str | None:
    if _watcher is not None:
        return "every step is watched."
    if routes[0] != routes[1]:
        return f"the directions have routes of their own, {routes[0]!r} and {routes[1]!r}."
    if alone.route not in ("cluster", "loop"):
        return f"the route {alone.route!r} has no loop that two directions can share."
    return directions.unlike(*cells)


def _pays(shape) -> bool:
    """Whether one loop is faster than two: `python -m benchmarks.recurrence --parts directions`.

    A loop starts its kernels at each step, and one program runs two loops one after the other: so one
    loop is for a GPU, where starting them takes the time, and for a single sequence in one program.
    """
    return _cudnn.gpu() or (shape[0] == 1 and (_compiled or backend().in_one_program()))


def _forced(route: str, gate_form: bool, cell, steps) -> Plan:
    if route not in ROUTES:
        raise ValueError(f"`route` must be one of {ROUTES}, got {route!r}.")
    if route in LOOPS and not gate_form:
        raise ValueError(
            f"`route` must be 'scan' or None for {type(cell).__name__}, which is not in gate form "
            f"here, got {route!r}."
        )
    if route == "step" and steps != 1:
        raise ValueError(f"`route` 'step' needs T = 1, got T = {steps}; leave `route` out.")
    if route in ("cudnn", "kernel") and (why := _lacks(cell, route)):
        raise ValueError(f"`route` {route!r} cannot run here: {why} Leave `route` out.")
    return Plan(route, "asked for.")


def _lacks(cell, route: str) -> str | None:
    """Why cuDNN, or a kernel of ours, cannot be forced on `cell` here."""
    if route == "cudnn":
        return "XLA compiles the whole step." if _compiled else _cudnn.lacks(cell)
    if keras.backend.backend() != "jax":
        return f"kernels are JAX's, got {keras.backend.backend()}."
    try:
        return importlib.import_module("kerasrnn.recurrence.jax_kernel").lacks(cell.units)
    except ImportError as error:
        return f"this JAX has no Triton ({error})."


def run(
    cell,
    inputs,
    start,
    *,
    mask=None,
    reverse=False,
    training=False,
    route=None,
    sequences=True,
    cudnn=True,
):
    """Run a cell over a sequence.

    Args:
        cell: a `GateCell`, built.
        inputs: (B, T, D).
        start: a list of initial states, (B, H) each.
        mask: bool (B, T), False where a step leaves the states untouched; or None.
        reverse: from the last step to the first.
        training: draw the cell's dropout masks.
        route, cudnn: see `plan`.
        sequences: return the outputs; otherwise None for them.
    Returns:
        outputs: (B, T, H) after each step, in the order of `inputs`; a masked step repeats the
            output before it.
        states: list of (B, H), the final states.
    """
    ready = _results.get()
    if ready and id(cell) in ready:
        return ready.pop(id(cell))
    inputs, mask = ops.cast(inputs, cell.compute_dtype), steps_mask(mask, inputs)
    cudnn = cudnn and mask is None
    route = "scan" if _watcher else plan(cell, inputs.shape, route, cudnn=cudnn).route
    if route == "cudnn" and mask is not None:
        raise ValueError("`route` 'cudnn' runs without a mask, got one; leave `route` out.")
    x_masks = cell.input_masks(inputs[:, 0]) if training else ()
    if route == "cudnn":
        return _cudnn.run(cell, _masked(inputs, x_masks), start, reverse)
    wide = _wide(cell)
    front = _front(cell, inputs, x_masks, route, wide)
    start = [ops.cast(s, wide) for s in start]
    masks, noise, kernel, zones = _drawn(cell, start, ops.shape(inputs)[:2], training)
    keep, rates = _kept(mask, zones), _rates(cell, training)
    if route not in LOOPS:
        product = cell.product(masks, kernel)
        return (_watcher or run_steps)(
            cell, front[0], start, product, keep, noise, rates, reverse, route == "step"
        )
    bias = cell.input_bias if cell.additive else cell.recurrent_bias
    vectors = bias, cell.recurrent_scale, *_norm(cell, front)
    operands = _operands(cell, front, kernel, start, vectors, keep, masks, noise)
    problem = _problem(cell, operands, tuple(noise), rates, reverse, sequences)
    return backend().run(problem, operands, route=route, training=training)


def run_both(cells, inputs, starts, *, mask=None, reverse, training=False, route, sequences=True):
    """Run two cells over one sequence in one loop, with one batched product of both a step.

    Args:
        cells: two that differ in their weights only: see `directions.unlike`.
        starts, reverse: of each cell, as for `run`.
        route: "cluster" or "loop".
    Returns:
        What `run` returns, for each cell.
    """
    mask, sides, names = steps_mask(mask, inputs), [], ()
    for cell, start, back in zip(cells, starts, reverse, strict=True):
        x = ops.cast(ops.flip(inputs, axis=1) if back else inputs, cell.compute_dtype)
        there = ops.flip(mask, axis=1) if back and mask is not None else mask
        x_masks = cell.input_masks(x[:, 0]) if training else ()
        wide = _wide(cell)
        z = cell.project(ops.transpose(x, (1, 0, 2)), x_masks)
        start = [ops.cast(s, wide) for s in start]
        masks, noise, kernel, zones = _drawn(cell, start, ops.shape(x)[:2], training)
        if back:  # drawn for the steps in their order, as `run` draws
            zones = tuple(ops.flip(zone, axis=0) for zone in zones)
            noise = {n: ops.flip(y, axis=0) if len(y.shape) == 3 else y for n, y in noise.items()}
        vectors = cell.recurrent_bias, cell.recurrent_scale, None, None
        front, keep, names = (ops.cast(z, wide),), _kept(there, zones), tuple(noise)
        sides.append(_operands(cell, front, kernel, start, vectors, keep, masks, noise))
    rates, operands = _rates(cells[0], training), directions.join(sides)
    problem = _problem(cells[0], operands, names, rates, False, sequences, sets=len(sides))
    results = backend().run(problem, operands, route=route, training=training)
    return directions.apart(results, reverse)


def _wide(cell) -> str:
    """The dtype of a loop's states, which stay wide in mixed precision."""
    return keras.backend.result_type(cell.compute_dtype, "float32")


def _rates(cell, training: bool) -> tuple:
    """What `zones` does on average, where nothing is drawn."""
    return () if training or not any(cell.zone_rates) else cell.zone_rates


def _operands(cell, front, kernel, start, vectors, keep, masks, noise: dict) -> Operands:
    wide = _wide(cell)
    vectors = [None if x is None else ops.cast(x, wide) for x in vectors]
    weights = tuple(ops.cast(w, wide) for w in cell.gate_weights)
    noise = tuple(noise.values())
    return Operands(front, kernel, tuple(start), *vectors, keep, masks, noise, weights)


def _problem(cell, operands: Operands, noises, rates, reverse, sequences, sets=1) -> Problem:
    vectors = operands.bias, operands.scale, operands.gain, operands.shift
    return Problem(
        cell,
        reverse,
        cell.by_hand,
        *(x is not None for x in vectors),
        keeps=len(operands.keep),
        dropped=len(operands.masks),
        noises=noises,
        rates=rates,
        fronts=len(operands.front),
        sequences=sequences,
        sets=sets,
    )


def steps_mask(mask, inputs):
    """`mask` as (B, T), the same as of `inputs`, so far as sizes are known."""
    if mask is None:
        return None
    shape = tuple(mask.shape)
    if len(shape) == 3 and shape[2] == 1:
        mask, shape = mask[..., 0], shape[:2]
    sizes = zip(shape, inputs.shape, strict=False)
    if len(shape) != 2 or any(None not in (a, b) and a != b for a, b in sizes):
        raise ValueError(
            f"`mask` must be (batch, time) of the inputs {tuple(inputs.shape)}, got {shape}."
        )
    return mask


def _masked(inputs, x_masks):
    """x under the one dropout mask of all gates, if there is one."""
    return inputs * x_masks[0][:, None] if x_masks else inputs


def _front(cell, inputs, x_masks, route: str, wide: str) -> tuple:
    """What a loop reads at each step: (z,), or x, W and the bias, if any, of which it makes z all at once.

    An additive cell's bias is left to its loop, which adds it where it adds r, at no cost; see `_norm`.
    """
    looped, normed = route in LOOPS, cell.kernel_scale is not None
    in_loop = looped and cell.additive
    # on a CPU a step's part of x W stays in the cache; on a GPU a norm is one more kernel a step
    ahead = normed and (route != "cluster" or _cudnn.gpu())
    if not looped or len(x_masks) > 1 or ahead:
        z = cell.project(ops.transpose(inputs, (1, 0, 2)), x_masks, bias=not in_loop)
        return (ops.cast(z, wide),)
    kernel = cell.input_matrix()
    front = _masked(inputs, x_masks), centred(kernel) if normed else kernel
    if in_loop or normed or cell.input_bias is None:
        return front
    return *front, ops.cast(cell.input_bias, wide)


def _norm(cell, front: tuple) -> tuple:
    """Gain and bias of x W where the loop normalises it, which it does with what it multiplies itself."""
    if cell.kernel_scale is None or len(front) == 1:
        return None, None
    return cell.kernel_scale, None if cell.additive else cell.input_bias


def _drawn(cell, start: list, shape, training: bool) -> tuple:
    """The masks of the recurrent product, the noise by name, U, and who keeps its state; drawn in training.

    Args:
        shape: B and T.
    """
    if not training:
        return (), {}, cell.recurrent_matrix(), ()
    batch, steps = shape
    masks = tuple(cell.recurrent_masks(cell.recall(cell.State(*start))))
    noise = cell.draw_noise(start[0], steps)
    return masks, noise, cell.draw_kernel(), tuple(cell.zones((steps, batch)))


def _kept(mask, zones: tuple) -> tuple:
    """bool (T, B, …) where a step changes the state: one for all states, one for each, or none."""
    if mask is None:
        return zones
    keep = ops.transpose(mask)[..., None]
    return tuple(ops.logical_and(keep, zone) for zone in zones) or (keep,)


def run_steps(cell, z, start, product, keep, noise, rates, reverse, single):
    """The plain scan: z (T, B, G) → the first state after each step (B, T, …), the final states.

    Args:
        single: T is 1: a step of a generation or a search, where the cell's own fast form is taken.
    """
    fast = single and cell.gate_form and cell.by_hand

    def stepped(z, states):
        if fast:
            return cell.gate_forward(z, product(cell.recall(states)), states)[0]
        return cell.step(z, states, product)[1]

    def body(states, step):
        own = {name: step[name][0] if name in step else x for name, x in noise.items()}
        new = stepped(step["z"][0], cell.State(*states, **own))
        new = carry_over(new, states, [step[f"keep{k}"][0] for k in range(len(keep))], rates)
        return new, (new[0],)

    streams = {"z": (z, 1), **{f"keep{k}": (x, 1) for k, x in enumerate(keep)}}
    streams.update({name: (x, 1) for name, x in noise.items() if len(x.shape) == 3})
    if single:
        states, (h,) = body(tuple(start), {name: [x[0]] for name, (x, _) in streams.items()})
        return h[:, None], list(states)
    states, (outputs,) = backend().scan(body, tuple(start), streams, cell.widths[:1], reverse)
    return ops.transpose(outputs, (1, 0, 2)), list(states)
