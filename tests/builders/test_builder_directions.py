"""Both ways through a sequence: deck 000's equation of the bidirectional network."""

import numpy as np

from kerasrnn.builders import many_to_many, many_to_one

B, T, D, H, C = 2, 4, 3, 5, 2


def both_ways(model, x, oracle):
    weights = oracle.weights_of(model, "bidirectional_simple_rnn_1")
    forward, _ = oracle.run("simple_rnn", x, weights[:3])
    backward, _ = oracle.run("simple_rnn", x[:, ::-1], weights[3:])
    return forward, backward[:, ::-1]


def build(builder, merge, oracle):
    model = builder("simple_rnn", units=H, features=D, classes=C, bidirectional=merge)
    return oracle.randomise(model)


def test_concatenated_directions_answer_with_a_matrix_for_each(oracle, rng):
    """y_t = W h→_t + W' h←_t + b"""
    model = build(many_to_many, "concat", oracle)
    x = rng.normal(size=(B, T, D))
    forward, backward = both_ways(model, x, oracle)
    kernel, b = oracle.weights_of(model, "outputs")
    w, w2 = np.split(kernel, 2)
    oracle.assert_same(model(x), forward @ w + backward @ w2 + b)


def test_summed_directions_answer_with_one_matrix_for_both(oracle, rng):
    """y_t = W h→_t + W' h←_t + b with W' = W"""
    model = build(many_to_many, "sum", oracle)
    x = rng.normal(size=(B, T, D))
    forward, backward = both_ways(model, x, oracle)
    w, b = oracle.weights_of(model, "outputs")
    oracle.assert_same(model(x), forward @ w + backward @ w + b)


def test_one_answer_takes_each_direction_where_it_has_read_all(oracle, rng):
    model = build(many_to_one, "sum", oracle)
    x = rng.normal(size=(B, T, D))
    forward, backward = both_ways(model, x, oracle)
    w, b = oracle.weights_of(model, "outputs")
    oracle.assert_same(model(x), (forward[:, -1] + backward[:, 0]) @ w + b)
