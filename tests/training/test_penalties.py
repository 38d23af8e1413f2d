"""Penalties that any training takes, against a model that has them of its own, and in every app."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasrnn.app import app_names, find_app
from kerasrnn.builders import many_to_one
from kerasrnn.errors import UserError
from kerasrnn.regularizers import NormStabilizer
from kerasrnn.settings import with_settings
from kerasrnn.training.omega import OmegaRegularized
from kerasrnn.training.penalties import Penalties, recurrent_layers
from kerasrnn.training.step import Step

B, T, D, H, C = 4, 6, 3, 5, 2
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, D)).astype("float32")
Y = RNG.normal(size=(B, C)).astype("float32")


def network(wrap=lambda model: model, cell="lstm", **knobs) -> keras.Model:
    keras.utils.set_random_seed(2)
    model = wrap(many_to_one(cell, units=H, features=D, classes=C, **knobs))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def stepped(model, penalties: Penalties, xla: bool = False, steps: int = 3):
    """The model, trained for a few steps, and the last of what they say."""
    data = tf.data.Dataset.from_tensors((X, Y)).repeat()
    step, batches = Step(model, data.element_spec, xla=xla, penalties=penalties), iter(data)
    logs = [step(batches) for _ in range(steps)]
    return model, logs[-1]


def alike(one: keras.Model, other: keras.Model) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("xla", [False, True])
def test_omega_moves_the_weights_as_in_a_model_that_has_it(xla):
    own = network(lambda model: OmegaRegularized(model, weight=5.0))
    own.fit(X, Y, batch_size=B, epochs=3, shuffle=False, verbose=0)
    found, _ = stepped(network(), Penalties(omega=5.0), xla)
    alike(found, own)
    kernel = [w for w in found.trainable_weights if "recurrent_kernel" in w.path]
    plain, _ = stepped(network(), Penalties())
    before = [w for w in plain.trainable_weights if "recurrent_kernel" in w.path]
    assert np.abs(kernel[0].numpy() - before[0].numpy()).max() > 1e-4


@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("ways", [{}, {"bidirectional": "concat", "layers": 2}])
def test_the_stabiliser_moves_the_weights_as_in_layers_that_have_it(xla, ways):
    own, logs = stepped(network(state_regularizer=NormStabilizer(3.0), **ways), Penalties(), xla)
    found, said = stepped(network(**ways), Penalties(stabilise=3.0), xla)
    alike(found, own)
    assert float(said["loss"]) == pytest.approx(float(logs["loss"]), rel=1e-5)
    assert all(layer.state_regularizer is None for layer in recurrent_layers(found))


def test_a_layer_s_own_penalty_stays_beside_it():
    own, _ = stepped(network(state_regularizer=NormStabilizer(3.0)), Penalties())
    model = network(state_regularizer=NormStabilizer(1.0))
    alike(stepped(model, Penalties(stabilise=2.0))[0], own)
    assert [layer.state_regularizer.beta for layer in recurrent_layers(model)] == [1.0]


def test_both_together():
    own = network(
        lambda model: OmegaRegularized(model, weight=5.0), state_regularizer=NormStabilizer(3.0)
    )
    own.fit(X, Y, batch_size=B, epochs=3, shuffle=False, verbose=0)
    alike(stepped(network(), Penalties(3.0, 5.0))[0], own)


def test_what_has_nothing_to_penalise_is_refused():
    dense = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    Penalties().require(dense)
    with pytest.raises(UserError, match="must be 0 for a model without recurrent layers"):
        Penalties(omega=1.0).require(dense)
    with pytest.raises(UserError, match="`omega` must be 0 where several processes train, got 2"):
        Penalties(omega=2.0).require(network(), parts=2)
    Penalties(stabilise=2.0).require(network(), parts=2)


@pytest.mark.parametrize("name", app_names())
def test_every_app_learns_otherwise_with_each(name, tiny):
    """Ω moves every U and leaves the loss; the stabiliser adds to the loss."""
    app, trained = find_app(name), tiny(name)
    config = with_settings(trained.run.config, ("network=sample_rnn",) * (name == "wavenet"))
    assets, data = trained.run.assets, app.file("data")
    source = data.open_source(str(trained.source), config)
    batch = next(iter(data.batches(source, config, "train", assets, seed=0).one_pass()))

    def learned(penalties: Penalties):
        keras.utils.set_random_seed(3)
        model = app.build(config, assets)
        penalties.require(model)
        logs = penalties.train(model, batch)
        moved = {
            id(layer): layer.cell.recurrent_kernel.numpy() for layer in recurrent_layers(model)
        }
        return float(logs["loss"]), list(moved.values())

    loss, plain = learned(Penalties())
    same, kernels = learned(Penalties(omega=100.0))
    more, _ = learned(Penalties(stabilise=100.0))
    assert same == pytest.approx(loss, rel=1e-4)
    assert more > loss + 1e-3
    assert all(np.abs(a - b).max() > 1e-6 for a, b in zip(kernels, plain, strict=True))
