"""The two products of a gate-form cell, x_t W and h_{t-1} U, with what may be done to them.

Axes as in `kerasrnn.shapes`; G = gates * H. `…` stands for B or for T B.
"""

import keras
from keras import ops

EPSILON = 1e-5  # added to the variance in layer normalisation


def matmul_wide(wide, narrow):
    """`wide @ narrow` in the dtype of `narrow`, returned in that of `wide`."""
    return ops.cast(ops.matmul(ops.cast(wide, narrow.dtype), narrow), wide.dtype)


def matmul_flat(inputs, kernel):
    """inputs (…, D) @ kernel (D, G) as one two-dimensional product."""
    shape = ops.shape(inputs)
    flat = ops.matmul(ops.reshape(inputs, (-1, shape[-1])), kernel)
    return ops.reshape(flat, (*shape[:-1], kernel.shape[-1]))


def matmul_rows(rows, kernel):
    """rows (M, R) times U (R, G); where U is (N, R, G), each N-th part of the rows times its own."""
    if len(kernel.shape) == 2:
        return matmul_wide(rows, kernel)
    parts = ops.reshape(rows, (kernel.shape[0], -1, rows.shape[-1]))
    return ops.reshape(matmul_wide(parts, kernel), (-1, kernel.shape[-1]))


def centred(x):
    """x (…, G) with mean 0 over its last axis; of a matrix U, so that h U has it, whatever h."""
    return x - ops.mean(x, axis=-1, keepdims=True)


def mean(x):
    """Over the last axis, which stays: (…, G) → (…, 1)."""
    size = x.shape[-1]
    return ops.matmul(x, ops.full((size, 1), 1 / size, x.dtype))


def normalise(x):
    """x (…, G), of mean 0 over its last axis, with variance 1, and what it was multiplied by.

    In half precision, whose squares overflow, the variance is a float32's.
    """
    wide = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    inverse = ops.cast(ops.rsqrt(mean(wide * wide) + EPSILON), x.dtype)
    return x * inverse, inverse


def normalise_gradient(d, normal, inverse):
    """Gradient of x from that of `normal`, given what `normalise(x)` returned."""
    return inverse * (d - normal * mean(d * normal))


@ops.custom_gradient
def normalised(x):
    """`normalise(x)[0]`, with that gradient."""
    normal, inverse = normalise(x)

    def gradient(*arguments, upstream=None):
        d = arguments[0] if upstream is None else upstream
        return normalise_gradient(d, normal, inverse)

    return normal, gradient


class Product:
    """r_t = h_{t-1} U + b', also for some of the gates only.

    Args:
        kernel: U (H, G); or (N, H, G), one for each N-th part of h, which is then (M, H).
        bias: b' (G,), or (M, G), one for each row of h; or None.
        masks: of h, (…, H) each: none, one for all gates, or one for each.
        scale: (G,) or (M, G) normalise h U and multiply by it; or None.
        units: H.
        centre: subtract the mean of h U; it is 0 anyway where U is `centred` and `masks` are not one
            for each gate.
    """

    def __init__(self, kernel, bias, masks, scale, units: int, centre: bool):
        self.kernel, self.bias, self.masks = ops.convert_to_tensor(kernel), bias, tuple(masks)
        self.scale, self.units, self.centre = scale, units, centre
        # One U for each mask, taken apart here rather than at every step.
        self.kernels = ops.split(self.kernel, max(1, len(self.masks)), axis=-1)

    def __call__(self, h, first: int = 0, last: int | None = None):
        """h (…, H) → (…, (last - first) * H), the columns of gates `first` to `last`."""
        r = self.raw(h, first, last)
        return self.finish(r if self.scale is None else normalised(r), first, last)

    def _centred(self, r):
        return centred(r) if self.centre else r

    def _columns(self, first: int, last: int | None) -> slice:
        return slice(first * self.units, None if last is None else last * self.units)

    def raw(self, h, first: int = 0, last: int | None = None):
        """h U alone."""
        if len(self.masks) <= 1:
            h = h * self.masks[0] if self.masks else h
            return self._centred(matmul_rows(h, self.kernel[..., self._columns(first, last)]))
        parts = [
            matmul_rows(h * mask, kernel)
            for mask, kernel in zip(self.masks[first:last], self.kernels[first:last], strict=True)
        ]
        return self._centred(parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1))

    def finish(self, r, first: int = 0, last: int | None = None):
        """Scale and bias."""
        columns = self._columns(first, last)
        r = r if self.scale is None else r * ops.cast(self.scale[..., columns], r.dtype)
        return r if self.bias is None else r + ops.cast(self.bias[..., columns], r.dtype)

    def back(self):
        """The gradient of h as a function of that of h U; U is transposed here, once."""
        parts = [ops.swapaxes(kernel, -1, -2) for kernel in self.kernels]

        def back(d_r):
            pieces = ops.split(self._centred(d_r), len(parts), axis=-1)
            d_h = [matmul_rows(d, part) for d, part in zip(pieces, parts, strict=True)]
            return (
                sum(d * m for d, m in zip(d_h, self.masks, strict=True)) if self.masks else d_h[0]
            )

        return back

    def kernel_gradient(self, h, d_r):
        """Gradient of U from all steps: h (T, …, H), d_r a list of pieces of (T, …, G)."""
        d_r = [self._centred(d) for d in d_r]  # one piece where anything is normalised
        if len(self.masks) <= 1:
            h = h * self.masks[0] if self.masks else h
            return ops.concatenate([self._outer(h, d) for d in d_r], axis=-1)
        gates = [one for d in d_r for one in ops.split(d, d.shape[-1] // self.units, axis=-1)]
        pieces = zip(self.masks, gates, strict=True)
        return ops.concatenate([self._outer(h * m, d) for m, d in pieces], axis=-1)

    def _outer(self, h, d_r):
        h, d_r = (ops.cast(self._flat(x), self.kernel.dtype) for x in (h, d_r))
        return ops.matmul(ops.swapaxes(h, -1, -2), d_r)

    def _flat(self, x):
        """(T, …, width) → (T …, width), or with one U for each N-th part (N, T …, width)."""
        if len(self.kernel.shape) == 2:
            return ops.reshape(x, (-1, x.shape[-1]))
        parts, width = self.kernel.shape[0], x.shape[-1]
        x = ops.moveaxis(ops.reshape(x, (ops.shape(x)[0], parts, -1, width)), 1, 0)
        return ops.reshape(x, (parts, -1, width))
