"""Pictures: the numbers behind them, and that each is drawn."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from kerasrnn.training import pictures

RNG = np.random.default_rng(0)


def test_principal_components_are_the_directions_of_largest_variance():
    axes, _ = np.linalg.qr(RNG.normal(size=(5, 5)))
    points = RNG.normal(size=(400, 5)) * [9, 4, 1, 0.5, 0.1]
    found, shares = pictures.principal_components(points @ axes.T + 3.0)
    values = np.sort(np.linalg.eigvalsh(np.cov(points.T)))[::-1]
    np.testing.assert_allclose(np.var(found, axis=0, ddof=1), values[:2], rtol=1e-6)
    np.testing.assert_allclose(shares, values[:2] / values.sum(), rtol=1e-6)
    assert abs(np.corrcoef(found.T)[0, 1]) < 1e-9


def test_each_picture_is_drawn(tmp_path):
    norms = np.exp(RNG.normal(size=(3, 11)))
    norms[:, :4] = 0
    pictures.gradient_flows({"a": {"x": norms, "y": norms[0]}, "b": {}}, tmp_path / "f.png", "t")
    pictures.saturation({"forget": RNG.random((2, 8))}, tmp_path / "g.png", "t")
    states, labels = RNG.normal(size=(6, 7, 4)), np.arange(6) % 2
    pictures.hidden_states(states, labels, ["a", "b"], tmp_path / "h.png", "t")
    for name in "fgh":
        image = imread(tmp_path / f"{name}.png")
        assert len(np.unique(image.reshape(-1, image.shape[-1]), axis=0)) > 10


def test_dollars_in_a_name_are_no_formula_and_powers_of_ten_are(tmp_path):
    figure = Figure()
    axes = figure.add_subplot()
    axes.semilogy([1e-9, 1.0])
    axes.set_title("a $ b_{ $")  # which mathtext refuses
    pictures.save_figure(figure, tmp_path / "a.png")
    assert not axes.title.get_parse_math()
    assert all(label.get_parse_math() for label in axes.get_yticklabels())
