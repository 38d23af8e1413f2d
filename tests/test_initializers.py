"""What the starting matrices are promised to be, gate by gate."""

import keras
import numpy as np
import pytest

from kerasrnn import cells, initializers, layers


@pytest.mark.parametrize("shape", [(5, 5), (5, 20), (10, 5)])
def test_the_identity_is_a_scaled_identity_in_each_block(shape):
    u = np.asarray(initializers.Identity(0.5)(shape))
    expected = 0.5 * np.tile(np.eye(5), (shape[0] // 5, shape[1] // 5))
    np.testing.assert_array_equal(u, expected)


def test_the_positive_definite_start_has_1_as_its_largest_eigenvalue_in_each_block():
    u = np.asarray(initializers.PositiveDefinite(seed=3)((30, 90)), "float64")
    blocks = np.split(u, 3, axis=1)
    assert not np.allclose(blocks[0], blocks[1])
    for block in blocks:
        np.testing.assert_allclose(block, block.T, atol=1e-6)
        values = np.linalg.eigvalsh(block)
        assert values[0] > 0
        assert values[-1] == pytest.approx(1, abs=1e-5)


def test_the_positive_definite_start_is_the_papers_formula():
    """(RᵀR / H + I) / λ: all that U has beside I is of the rank and size of RᵀR / H."""
    u = np.asarray(initializers.PositiveDefinite(seed=0)((400, 400)), "float64")
    smallest = np.linalg.eigvalsh(u)[0]  # 1 / λ: RᵀR / H is nearly singular, its top is near 4
    assert 1 / smallest == pytest.approx(5, rel=0.05)
    assert np.trace(u) / smallest / 400 == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_mixture_is_part_identity_and_part_another_matrix(share):
    mixture = initializers.IdentityMixture(share, keras.initializers.Constant(2.0))
    expected = share * np.eye(3) + (1 - share) * 2.0
    np.testing.assert_allclose(mixture((3, 3)), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("gates", "gate", "ones"), [(4, 1, (2, 4)), (3, 0, (0, 2)), (2, 1, (2, 4))]
)
def test_ones_stand_where_the_forget_gate_is(gates, gate, ones):
    b = np.asarray(initializers.ForgetBias("zeros", gates, gate)((2 * gates,)))
    assert b.sum() == 2
    assert np.all(b[slice(*ones)] == 1)


@pytest.mark.parametrize(
    ("without", "first"), [((), 4), (("input",), 0), (("output",), 4), (("forget",), None)]
)
def test_a_variant_starts_its_forget_gate_open_wherever_that_lies(without, first):
    cell = cells.get("peephole_lstm", 4, without=without)
    cell.build((None, 2))
    b = np.asarray(cell.bias)
    assert np.flatnonzero(b).tolist() == ([] if first is None else list(range(first, first + 4)))


def test_an_irnn_adds_up_what_it_is_given():
    """Le et al. 2015: with U = I and ReLU an error's derivative stays as it is through time."""
    cell = cells.get("irnn", 3, kernel_initializer=keras.initializers.Identity())
    x = np.random.default_rng(0).random((2, 50, 3)).astype("float32")
    np.testing.assert_allclose(layers.Recurrent(cell)(x), x.sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize(
    "made",
    [
        initializers.Identity(0.1),
        initializers.IdentityMixture(0.2, "orthogonal"),
        initializers.PositiveDefinite(7),
        initializers.ForgetBias("ones", 3, 2),
    ],
    ids=lambda made: type(made).__name__,
)
def test_an_initializer_comes_back_from_its_configuration(made):
    again = keras.initializers.deserialize(keras.initializers.serialize(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()


def test_a_wrong_share_or_shape_is_refused():
    with pytest.raises(ValueError, match=r"`share` must be in \[0, 1\], got 2"):
        initializers.IdentityMixture(2)
    with pytest.raises(ValueError, match=r"made of square blocks, got \(3, 7\)"):
        initializers.Identity()((3, 7))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("positive_definite", initializers.PositiveDefinite),
        ("identity_mixture", initializers.IdentityMixture),
        ("orthogonal", keras.initializers.Orthogonal),
    ],
)
def test_a_cell_takes_a_start_by_its_name(name, made):
    cell = cells.get("simple_rnn", 6, recurrent_initializer=name)
    assert type(cell.recurrent_initializer) is made
    again = cells.SimpleRNNCell.from_config(cell.get_config())
    assert type(again.recurrent_initializer) is made
    again.build((None, 2))
    if name == "positive_definite":
        values = np.linalg.eigvalsh(np.asarray(again.recurrent_kernel))
        assert values[-1] == pytest.approx(1, abs=1e-5)
        assert values[0] > 0


def test_a_start_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="positive_indefinite"):
        cells.get("simple_rnn", 6, recurrent_initializer="positive_indefinite")
