"""What cells drop, through `fit` and a file: drawn anew in training, gone at inference."""

import keras
import numpy as np
import pytest

from kerasrnn import layers, recurrence

B, T, D, H = 8, 3, 2, 6
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype("float32")
Y = RNG.normal(size=(B, H)).astype("float32")
CASES = [
    ("LSTM", "recurrent_dropout"),
    ("LSTM", "update_dropout"),
    ("LSTM", "memory_dropout"),
    ("LSTM", "zoneout"),
    ("LSTM", "weight_drop"),
    ("GRU", "recurrent_dropout"),
    ("GRU", "zoneout"),
]


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize(("kind", "option"), CASES)
def test_a_cell_that_drops_is_fitted_and_comes_back_from_a_file(kind, option, jit, tmp_path):
    layer = getattr(layers, kind)(H, **{option: 0.4})
    model = keras.Sequential([keras.Input((T, D)), layer])
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=jit)
    losses = model.fit(X, Y, batch_size=B, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[0] != losses[1]  # no weight moved, other units were dropped
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    with recurrence.portable():  # inference drops nothing, and need not be compiled to show that
        np.testing.assert_array_equal(again(X), model(X))
    assert getattr(again.layers[0], option) == 0.4
