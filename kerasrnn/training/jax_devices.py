"""Every device of one machine where Keras itself deals batches out to them: with JAX."""

import keras

from kerasrnn.errors import UserError


def data_parallel(devices: list[str] | None = None) -> keras.distribution.DataParallel:
    """From here on a model is on all `devices`, and `fit` gives each its share of every batch's rows.

    To be called before the model is built. The weights that come of it are those of one device, but for
    rounding, and but for what is drawn.

    Args:
        devices: such as "gpu:0"; all that JAX has unless given.
    Raises:
        UserError: on another backend than JAX, whose distribution is a prototype: there several processes
            train, by `kerasrnn train --distribute`.
    """
    if keras.backend.backend() != "jax":
        raise UserError(
            f"`data_parallel` needs KERAS_BACKEND=jax, got {keras.backend.backend()}; with TensorFlow, "
            "train by several processes: `kerasrnn train --distribute mirrored`."
        )
    chosen = keras.distribution.DataParallel(devices=devices or keras.distribution.list_devices())
    keras.distribution.set_distribution(chosen)
    return chosen
