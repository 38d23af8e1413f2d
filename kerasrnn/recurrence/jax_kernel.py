"""A whole loop as one GPU kernel, for layers so narrow that starting kernels is most of the time.

XLA starts its kernels anew at each step; here a block of rows keeps its states on the chip from the
first step to the last. The loop's body is that of every other backend. It is traced by JAX, and
what was traced runs on pieces of H columns, as Triton has no slices: z (B, 4 H) is four (B, H).
"""

import math

import jax
from jax import lax
from jax import numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

UNITS = (16, 32, 64)  # H: Triton's sizes are powers of 2, and U must fit the chip
ROWS = 16  # of a block: the least that Triton multiplies
# of a traced function, once
CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call")
ELEMENTWISE = """abs add add_any and convert_element_type copy div eq exp ge gt integer_pow le log logistic
lt max min mul ne neg not one_minus_square or rsqrt select_n sign sqrt square stop_gradient sub tanh"""


def lacks(units: int) -> str | None:
    """Why there is no kernel for H = `units` here; None if there is."""
    devices = jax.devices()
    version = str(getattr(devices[0], "compute_capability", "")).partition(".")[0]
    if not version.isdigit() or int(version) < 8:
        return f"the kernel needs an NVIDIA GPU from Ampere on, got {devices[0].device_kind}."
    if len(devices) > 1:
        return f"XLA cannot deal a kernel to several GPUs, got {len(devices)}."
    if units not in UNITS:
        return f"the kernel's H is one of {UNITS}, got {units}."
    return None


def scan(body, carry: tuple, streams: dict, reverse: bool, interpret: bool = False) -> tuple:
    """As `lax.scan`, for a body whose arrays have a row for each of the batch.

    Its derivatives, which a first gradient does not need, are those of `lax.scan`.

    Args:
        body: (carry, step) → carry, outputs. A step has a list of pieces, (B, width) each, by name.
        carry: (B, …) arrays, the first (B, H).
        streams: by name, what a step reads its part of, (T, B, pieces · width), and how many pieces.
        interpret: run anywhere, slowly, without Triton.
    Raises:
        ValueError: if the body does what the kernel cannot.
    """
    batch, units = carry[0].shape
    like = {
        name: [jax.ShapeDtypeStruct((batch, x.shape[-1] // pieces), x.dtype)] * pieces
        for name, (x, pieces) in streams.items()
    }
    traced, (last, outputs) = jax.make_jaxpr(body, return_shape=True)(carry, like)
    if any(x.ndim != 2 or x.shape[0] != batch for x in (*last, *outputs)):
        raise _cannot("sum over the batch, as for the gradient of weights of the cell's own")
    # JAX hands a dictionary's values over by name in order
    streams = {name: streams[name] for name in sorted(streams)}
    arrays = tuple(x for x, _ in streams.values())
    steps = arrays[0].shape[0]
    kernel = _Kernel(traced, units, batch, steps, reverse, arrays, carry, len(outputs))
    call = pl.pallas_call(
        kernel,
        out_shape=[
            *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in last),
            *(jax.ShapeDtypeStruct((steps, *x.shape), x.dtype) for x in outputs),
        ],
        grid=(math.ceil(batch / ROWS),),
        interpret=interpret,
        compiler_params=triton.CompilerParams(num_warps=8 if units == 64 else 4),
    )

    def one_kernel(consts, arrays, carry):
        found = call(*map(_stored, [*consts, *arrays, *carry]))
        return tuple(found[: len(last)]), tuple(found[len(last) :])

    def plain(consts, arrays, carry):
        function = jaxpr_as_fun(ClosedJaxpr(traced.jaxpr, consts))

        def step(carry, now):
            pairs = zip(now, streams.values(), strict=True)
            parts = [part for x, (_, pieces) in pairs for part in jnp.split(x, pieces, -1)]
            found = function(*carry, *parts)
            return tuple(found[: len(last)]), tuple(found[len(last) :])

        return lax.scan(step, carry, arrays, reverse=reverse)

    @jax.custom_jvp
    def whole(*operands):
        if interpret:
            return one_kernel(*operands)
        return lax.platform_dependent(*operands, cuda=one_kernel, default=plain)

    whole.defjvp(lambda primals, tangents: jax.jvp(plain, primals, tangents))
    return whole(tuple(traced.consts), arrays, carry)


def _cannot(what: str) -> ValueError:
    return ValueError(f"`route` 'kernel' cannot {what}, as this cell does; leave `route` out.")


def _stored(x):
    """With truth values as bytes, which a GPU's memory has."""
    return x.astype(jnp.int8) if x.dtype == jnp.bool_ else x


class _Kernel:
    """What one block of rows does."""

    def __init__(self, traced, units, batch, steps, reverse, arrays, carry, outputs: int):
        self.traced, self.units, self.batch, self.steps = traced, units, batch, steps
        self.reverse, self.outputs = reverse, outputs
        self.dtypes = [x.dtype for x in arrays], [x.dtype for x in carry]
        self.run = _Pieces(units)
        products = [e for e in traced.jaxpr.eqns if e.primitive.name == "dot_general"]
        self.matrices = {id(e.invars[1]) for e in products}

    def __call__(self, *refs):
        refs, (kinds, carried) = list(refs), self.dtypes
        counts = len(self.traced.consts), len(kinds), len(carried), len(carried), self.outputs
        consts, streams, starts, lasts, outputs = ([refs.pop(0) for _ in range(n)] for n in counts)
        first = pl.program_id(0) * ROWS
        rows = pl.ds(first, ROWS)
        inside = None
        if self.batch % ROWS:
            inside = (first + jnp.arange(ROWS) < self.batch)[:, None]

        def read(ref, dtype, *where):
            found = [
                triton.load(
                    ref.at[(*where, rows, columns)],
                    mask=inside,
                    other=None if inside is None else jnp.zeros((), ref.dtype),
                )
                for columns in self.columns(ref.shape[-1])
            ]
            return [x != 0 for x in found] if dtype == jnp.bool_ else found

        def write(ref, pieces, *where):
            for columns, piece in zip(self.columns(ref.shape[-1]), pieces, strict=True):
                triton.store(ref.at[(*where, rows, columns)], piece.astype(ref.dtype), mask=inside)

        def step(t):
            return [read(ref, kind, t) for ref, kind in zip(streams, kinds, strict=True)]

        def at(k):
            return self.steps - 1 - k if self.reverse else k

        closed = [
            self.closed(var, const, ref, read)
            for var, const, ref in zip(
                self.traced.jaxpr.constvars, self.traced.consts, consts, strict=True
            )
        ]

        def turn(k, state):
            carry, now = state
            # read a step ahead: by the time that it is needed it is there
            ahead = step(at(jnp.minimum(k + 1, self.steps - 1)))
            found = self.run(self.traced.jaxpr, closed, [*carry, *self.apart(now)])
            for ref, pieces in zip(outputs, found[len(carry) :], strict=True):
                write(ref, pieces, at(k))
            return found[: len(carry)], ahead

        carry = [read(ref, kind) for ref, kind in zip(starts, carried, strict=True)]
        now = step(jnp.asarray(at(0), jnp.int32))
        carry, _ = lax.fori_loop(0, self.steps, turn, (carry, now))
        for ref, pieces in zip(lasts, carry, strict=True):
            write(ref, pieces)

    def columns(self, width: int) -> list:
        """Of a row, piece by piece."""
        if width == 1:
            return [slice(0, 1)]
        if width % self.units:
            raise _cannot(f"take {width} columns where H is {self.units}")
        return [pl.ds(start, self.units) for start in range(0, width, self.units)]

    def apart(self, now: list) -> list:
        """What was read of a step, as the body's arguments: a stream's pieces one by one."""
        whole = [piece for pieces in now for piece in pieces]
        widths = [x.aval.shape[-1] for x in self.traced.jaxpr.invars[len(self.dtypes[1]) :]]
        counts = [max(1, width // self.units) for width in widths]
        return [[whole.pop(0) for _ in range(count)] for count in counts]

    def closed(self, var, const, ref, read):
        """What the body closes over: a matrix, a row for each of the batch, or one for all."""
        if id(var) in self.matrices:
            return _Matrix(
                [triton.load(ref.at[rows, columns]) for columns in self.columns(const.shape[1])]
                for rows in self.columns(const.shape[0])
            )
        if const.ndim == 1:
            return [triton.load(ref.at[columns]) for columns in self.columns(const.shape[0])]
        if const.ndim != 2 or const.shape[0] != self.batch:
            raise _cannot(f"close over an array of shape {const.shape}")
        return read(ref, const.dtype)


class _Matrix(list):
    """Rows of tiles, (H, H) each."""


class _Pieces:
    """Runs a traced body with a list of pieces for each array."""

    def __init__(self, units: int):
        self.units = units

    def __call__(self, jaxpr, closed: list, arguments: list) -> list:
        known = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*closed, *arguments], strict=True))

        def value(x):
            return known[x] if not hasattr(x, "val") else [jnp.asarray(x.val, x.aval.dtype)]

        for equation in jaxpr.eqns:
            found = self.apply(equation, [value(x) for x in equation.invars])
            known.update(zip(equation.outvars, found, strict=True))
        return [self.whole(value(x), x.aval.shape) for x in jaxpr.outvars]

    def whole(self, pieces, shape) -> list:
        """`pieces`, or one number as often as it stands there."""
        if len(shape) < 2 or pieces[0].ndim:
            return pieces
        piece = jnp.broadcast_to(pieces[0], (ROWS, min(shape[1], self.units)))
        return [piece] * max(1, shape[1] // self.units)

    def apply(self, equation, arguments: list) -> list:
        name, params = equation.primitive.name, equation.params
        if name in CALLS:
            inner = params.get("jaxpr", params.get("call_jaxpr"))
            return self(inner.jaxpr, [[x] for x in inner.consts], arguments)
        if name == "dot_general":
            return [self.product(params, *arguments)]
        if any(isinstance(x, _Matrix) for x in arguments):
            raise _cannot(f"do {name} with a matrix")
        if name == "concatenate" and params["dimension"] == 1:
            return [[piece for pieces in arguments for piece in pieces]]
        if name == "split" and params["axis"] == 1:
            return self.split(arguments[0], params["sizes"])
        if name == "broadcast_in_dim":
            return [self.broadcast(params, arguments[0])]
        if name not in ELEMENTWISE.split():
            raise _cannot(f"do {name}")
        return [self.elementwise(equation, arguments)]

    def elementwise(self, equation, arguments) -> list:
        count = max(map(len, arguments))
        wide = [x * count if len(x) == 1 else x for x in arguments]
        return [self.one(equation, pieces) for pieces in zip(*wide, strict=True)]

    def one(self, equation, pieces):
        shape = jnp.broadcast_shapes(*(x.shape for x in pieces))
        pieces = [jnp.broadcast_to(x, shape) for x in pieces]
        if equation.primitive.name == "add_any":
            return pieces[0] + pieces[1]
        if equation.primitive.name == "one_minus_square":
            return 1 - pieces[0] * pieces[0]
        return equation.primitive.bind(*pieces, **equation.params)

    def broadcast(self, params, pieces) -> list:
        """A number stays one; a row for all of the batch becomes (1, width); a column is repeated."""
        shape, axes = params["shape"], params["broadcast_dimensions"]
        if not axes:
            return pieces
        if axes == (1,) and shape[0] == 1:
            return [x[None] for x in pieces]
        if axes == (0, 1) and pieces[0].shape[-1] == 1:
            shape = pieces[0].shape[0], min(shape[1], self.units)
            return [jnp.broadcast_to(pieces[0], shape)] * max(1, params["shape"][1] // self.units)
        raise _cannot(f"repeat along {axes} to {shape}")

    def split(self, pieces, sizes) -> list:
        if any(size % self.units for size in sizes):
            raise _cannot(f"split into {sizes} where H is {self.units}")
        pieces = iter(pieces)
        return [[next(pieces) for _ in range(size // self.units)] for size in map(int, sizes)]

    def product(self, params, rows, matrix) -> list:
        if params["dimension_numbers"] != (((1,), (0,)), ((), ())):
            raise _cannot(f"multiply along {params['dimension_numbers']}")
        if not isinstance(matrix, _Matrix):
            if matrix[0].ndim:
                raise _cannot("multiply with what changes")
            # a column of one number
            return [sum(jnp.sum(x, axis=1, keepdims=True) for x in rows) * matrix[0]]

        def multiply(x, tile):
            return lax.dot(
                x,
                tile,
                precision=params["precision"],
                preferred_element_type=params["preferred_element_type"],
            )

        columns = zip(*matrix, strict=True)
        return [
            sum(multiply(x, tile) for x, tile in zip(rows, column, strict=True))
            for column in columns
        ]
