"""The two directions of an LSTM: two loops, as `Bidirectional` runs them, or one whose products are batched."""

from benchmarks.measure import alternate


class TwoLoops:
    """`kerasrnn.layers.Bidirectional` on one batch: its outputs, and the gradients of Σ sin y."""

    def __init__(self, size):
        import tensorflow as tf

        from kerasrnn import layers

        batch, steps, features, units = size
        self.x = tf.random.stateless_normal(size[:3], [0, 1])
        layer = layers.Bidirectional(layers.LSTM(units, return_sequences=True))
        layer.build((batch, steps, features))
        self.units, self.weights = units, [w.value for w in layer.trainable_weights]

        def gradients():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.sin(layer(self.x, training=True)))
            return tape.gradient(loss, self.weights)

        self.infer = tf.function(lambda: layer(self.x, training=False), autograph=False)
        self.train = tf.function(gradients, autograph=False)


class OneLoop:
    """The same with states (2, B, H), the second direction's over x backwards, and h U one product a step."""

    def __init__(self, other: TwoLoops):
        import tensorflow as tf

        from kerasrnn.cells import LSTMCell
        from kerasrnn.recurrence.problem import Stream
        from kerasrnn.recurrence.tensorflow_scan import scan

        x, units = other.x, other.units
        pairs = zip(other.weights[:3], other.weights[3:], strict=True)
        kernel, recurrent, bias = map(tf.stack, pairs)
        cell, rows = LSTMCell(units), x.shape[0]
        start = (tf.zeros((2, rows, units)),) * 2
        both = tf.stack([x, tf.reverse(x, [1])])  # (2, B, T, D)
        flat = tf.reshape(tf.transpose(both, (0, 2, 1, 3)), (2, -1, x.shape[2]))  # (2, T B, D)

        def forward():
            z = tf.reshape(flat @ kernel + bias[:, None], (2, -1, rows, 4 * units))

            def body(states, step):
                states = cell.State(*states)
                new, saved = cell.gate_forward(step["z"][0], states.h @ recurrent, states)
                return new, (*new, *saved)

            streams = {"z": (tf.transpose(z, (1, 0, 2, 3)), 1)}
            return scan(body, start, streams, (units, units, 4 * units), False)[1]

        def backward(h, c, saved, upstream):
            back = tf.transpose(recurrent, (0, 2, 1))

            def body(carry, step):
                previous, states = (
                    cell.State(*(step[f"{when}{k}"][0] for k in "hc")) for when in ("before ", "")
                )
                d_h, d_c = carry[0] + step["upstream"][0], carry[1]
                d_z, _, (_, d_c) = cell.gate_backward(step["saved"], previous, states, (d_h, d_c))
                return (d_z @ back, d_c), (d_z,)

            streams = {"saved": (saved, 4), "upstream": (upstream, 1), "h": (h, 1), "c": (c, 1)}
            streams |= {
                "before h": Stream(h, start=start[0]),
                "before c": Stream(c, start=start[1]),
            }
            return scan(body, start, streams, (4 * units,), True)[1][0]

        compiled = {"jit_compile": True, "autograph": False}
        forward, backward = tf.function(forward, **compiled), tf.function(backward, **compiled)

        def merged(h):
            """(T, 2, B, H) → (B, T, 2 H)"""
            one, other = tf.unstack(h, axis=1)
            joined = tf.concat([one, tf.reverse(other, [0])], -1)
            return tf.transpose(joined, (1, 0, 2))

        def gradients():
            h, c, saved = forward()
            one, other = tf.split(tf.transpose(tf.cos(merged(h)), (1, 0, 2)), 2, -1)
            d_z = backward(h, c, saved, tf.stack([one, tf.reverse(other, [0])], 1))
            d_z, h = (tf.transpose(y, (1, 0, 2, 3)) for y in (d_z, h))  # (2, T, B, …)
            before = tf.concat([tf.zeros_like(h[:, :1]), h[:, :-1]], 1)
            d_z, before = (tf.reshape(y, (2, -1, y.shape[-1])) for y in (d_z, before))
            found = (
                tf.matmul(flat, d_z, transpose_a=True),
                tf.matmul(before, d_z, transpose_a=True),
                tf.reduce_sum(d_z, 1),
            )
            return [d[k] for k in (0, 1) for d in found]

        self.infer = tf.function(lambda: merged(forward()[0]), autograph=False)
        self.train = tf.function(gradients, autograph=False)


def directions(sizes, rounds: int, whats) -> list[dict]:
    """Milliseconds of both; XLA compiles each loop."""
    rows = []
    for size in sizes:
        loops = {"two loops": TwoLoops(size)}
        loops["one loop"] = OneLoop(loops["two loops"])
        for what in whats:
            calls = {name: waiting(getattr(one, what)) for name, one in loops.items()}
            ms = {name: 1e3 * seconds for name, seconds in alternate(calls, rounds).items()}
            row = {"kind": "LSTM", "size": size, "what": what, **ms}
            rows.append(row | {"one loop/two loops": ms["one loop"] / ms["two loops"]})
    return rows


def waiting(call):
    """`call`, which returns when its result is there."""
    return lambda: _first(call()).numpy()


def _first(result):
    return result[0] if isinstance(result, list) else result
