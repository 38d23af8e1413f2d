"""A bidirectional layer's two directions: two loops, or one loop with one batched product a step."""

from benchmarks.measure import alternate


def calls_of(kind: str, size, together: bool) -> dict:
    """Compiled calls of a bidirectional layer; in training, the weights' gradients of Σ sin y.

    Returns:
        By (what, whole): "train" or "infer"; whether XLA compiles all as one program.
    """
    import tensorflow as tf

    from kerasrnn import layers

    batch, steps, features, units = size
    x = tf.random.stateless_normal((batch, steps, features), [0, 1])
    inner = getattr(layers, kind)(units, return_sequences=True)
    layer = layers.Bidirectional(inner, together=together)
    layer.build(x.shape)
    weights = [w.value for w in layer.trainable_weights]

    def train():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(layer(x, training=True)))
        return tape.gradient(loss, weights)

    def infer():
        return [layer(x, training=False)]

    return {
        (function.__name__, whole): waiting(
            tf.function(function, jit_compile=whole or None, autograph=False)
        )
        for function in (train, infer)
        for whole in (False, True)
    }


def directions(kinds, sizes, rounds: int, whats) -> list[dict]:
    """Milliseconds of both ways, loop by loop compiled and as one program of XLA's."""
    rows = []
    for kind in kinds:
        for size in sizes:
            ways = {
                way: calls_of(kind, size, way == "one loop") for way in ("two loops", "one loop")
            }
            for what in whats:
                row = {"kind": f"{kind} both ways", "size": size, "what": what}
                for whole, name in ((False, ""), (True, ", one program")):
                    timed = {way: calls[what, whole] for way, calls in ways.items()}
                    ms = {way: 1e3 * seconds for way, seconds in alternate(timed, rounds).items()}
                    row |= {f"{way}{name}": value for way, value in ms.items()}
                    row[f"one/two{name}"] = ms["one loop"] / ms["two loops"]
                rows.append(row)
    return rows


def waiting(call):
    """`call`, which returns when its first result is there."""
    return lambda: call()[0].numpy()
