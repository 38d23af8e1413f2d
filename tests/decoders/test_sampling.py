"""`sample`: filters and inverse distribution function against float64 in plain Python."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasrnn.decoders import draws, sample


def distribution(logits, temperature=1.0, top_k=0, top_p=1.0):
    """The definition, token by token: float64 probabilities (V,), and how close top_p was met."""
    logits = np.asarray(logits, np.float64)
    ranking = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    if temperature == 0:
        return np.eye(len(logits))[ranking[0]], 1.0
    weights = np.exp((logits - logits.max()) / temperature)
    ranking = ranking[: top_k or len(ranking)]
    total = sum(weights[i] for i in ranking)
    kept, mass, margin = [], 0.0, 1.0
    for i in ranking:
        kept.append(i)
        mass += weights[i] / total
        if top_p < 1:
            margin = min(margin, abs(mass - top_p))
            if mass >= top_p:
                break
    probabilities = np.zeros(len(logits))
    probabilities[kept] = weights[kept] / weights[kept].sum()
    return probabilities, margin


def inverse(probabilities, uniforms):
    """The token of each draw, and how far each draw is from a border between two tokens."""
    borders = np.cumsum(probabilities)
    tokens = np.searchsorted(borders, uniforms, side="right")
    return tokens, np.abs(borders[None, :] - uniforms[:, None]).min(axis=1)


def sample_all(logits, uniforms, **options):
    """The tokens of many draws from one row of logits."""
    rows = np.tile(np.float32(logits), (len(uniforms), 1))
    return sample(rows, np.float32(uniforms), **options).numpy()


GRID = (np.arange(199) + 0.5) / 199


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    logits=st.lists(st.integers(-24, 24).map(lambda i: i / 4), min_size=1, max_size=30),
    temperature=st.sampled_from([0, 0.1, 0.7, 1.0, 2.5]),
    top_k=st.integers(0, 32),
    top_p=st.floats(0.01, 1.0),
)
def test_tokens_are_those_of_the_filtered_distribution(logits, temperature, top_k, top_p):
    probabilities, margin = distribution(logits, temperature, top_k, top_p)
    if margin < 1e-5:
        return  # float32 may fall on the other side of top_p
    expected, distance = inverse(probabilities, GRID)
    tokens = sample_all(logits, GRID, temperature=temperature, top_k=top_k, top_p=top_p)
    clear = distance > 1e-5
    np.testing.assert_array_equal(tokens[clear], expected[clear])
    assert (probabilities[tokens] > 0).all()


def test_frequencies_fit_the_distribution_by_chi_square():
    logits, number = [0.3, -1.0, 2.0, 0.0, 1.2, -0.4], 20_000
    tokens = sample_all(logits, draws([11], number)[0].numpy(), temperature=0.7)
    expected = number * distribution(logits, 0.7)[0]
    chi2 = ((np.bincount(tokens, minlength=6) - expected) ** 2 / expected).sum()
    assert chi2 < 25.7  # 5 degrees of freedom, exceeded once in 10,000 times


@pytest.mark.parametrize("options", [{"temperature": 0}, {"top_k": 1}, {"top_p": 1e-9}])
def test_greedy_top_1_and_a_tiny_nucleus_are_argmax_with_the_lower_index_first(options):
    logits = np.random.default_rng(0).normal(size=(40, 9)).astype(np.float32)
    logits[:20] = np.round(logits[:20])  # many ties
    logits[0] = [-3, -0.0, 0.0, -1, 0.0, -0.0, -2, -0.0, 0.0]  # two zeros, one value
    uniforms = np.linspace(0, 1 - 2**-24, 40, dtype=np.float32)
    np.testing.assert_array_equal(sample(logits, uniforms, **options), logits.argmax(axis=1))


def kept(logits, **options):
    return sorted(set(sample_all(logits, GRID, **options).tolist()))


def test_a_nucleus_smaller_than_the_largest_probability_holds_that_token():
    assert kept(np.log([0.2, 0.5, 0.3]), top_p=0.4) == [1]


def test_a_nucleus_that_is_met_exactly_takes_no_further_token():
    assert kept([0.0] * 8, top_p=0.5) == [0, 1, 2, 3]
    assert kept([0.0] * 8, top_p=0.500001) == [0, 1, 2, 3, 4]
    assert kept([0.0] * 8, top_k=4, top_p=0.5) == [0, 1]  # half of what top-k left


def test_ties_at_the_border_of_a_filter_go_to_the_lower_index():
    logits = [1.0, 3.0, 1.0, 2.0, 1.0]
    assert kept(logits, top_k=3) == [0, 1, 3]
    assert kept(logits, top_k=4) == [0, 1, 2, 3]


def test_filters_that_are_off_or_wider_than_the_vocabulary_keep_every_token():
    for options in ({}, {"top_k": 5}, {"top_k": 99}, {"top_p": 1.0}):
        assert kept(np.zeros(5), **options) == [0, 1, 2, 3, 4]


def test_excluded_tokens_are_never_drawn_even_at_the_ends_of_the_unit_interval():
    logits = [-np.inf, 0.0, -np.inf, -200.0, 0.0, -np.inf]
    ends = np.float32([0, 0.5 - 2**-25, 0.5, 1 - 2**-24])
    for options in ({}, {"top_k": 5}, {"top_p": 0.999}):
        assert sample_all(logits, ends, **options).tolist() == [1, 1, 4, 4]
    logits = np.random.default_rng(3).normal(size=(300, 1000))
    logits[:, 1::2] = logits[:, 900:] = -np.inf  # sums that round, then nothing
    tokens = sample(logits, np.full(300, ends[-1])).numpy()
    assert np.isfinite(logits[np.arange(300), tokens]).all()


def test_an_infinite_logit_is_always_drawn():
    assert set(sample_all([0.0, np.inf, 5.0], GRID)) == {1}


def test_a_row_gets_the_same_token_whatever_the_options_of_the_others():
    rng = np.random.default_rng(1)
    logits, uniforms = rng.normal(size=(6, 20)).astype(np.float32), np.float32(rng.random(6))
    options = {
        "temperature": np.float32([0.5, 1, 0, 2, 1, 1]),
        "top_k": np.int32([0, 3, 0, 0, 5, 0]),
        "top_p": np.float32([1, 1, 1, 0.6, 0.8, 1]),
    }
    together = sample(logits, uniforms, **options).numpy()
    for row in range(6):
        own = {name: value[row] for name, value in options.items()}
        alone = sample(logits[row : row + 1], uniforms[row : row + 1], **own)
        assert alone.numpy().tolist() == [together[row]]


def test_eager_code_a_graph_and_xla_agree_and_half_precision_is_read():
    rng = np.random.default_rng(2)
    logits = np.round(rng.normal(size=(64, 30)) * 2, 1)
    logits[:32] = rng.choice([0.0, -0.0], size=(32, 30))  # one value, although sorts may differ
    logits = tf.constant(logits, tf.float16)
    uniforms = draws([4], 64)[0]
    filtered = (tf.constant(0.8), tf.constant(12), tf.constant(0.9))
    plain = (tf.constant(0.8), tf.constant(0), tf.constant(1.0))

    def run(logits, uniforms, temperature, top_k, top_p):
        return sample(logits, uniforms, temperature=temperature, top_k=top_k, top_p=top_p)

    for options in (filtered, plain):
        eager = run(logits, uniforms, *options)
        for jit in (False, True):
            compiled = tf.function(run, jit_compile=jit, autograph=False)
            np.testing.assert_array_equal(compiled(logits, uniforms, *options), eager)


def test_tensors_out_of_range_count_as_the_nearest_value_in_range():
    logits, uniforms = tf.random.stateless_normal((50, 7), (1, 2)), draws([0], 50)[0]

    def run(temperature=1.0, top_k=0, top_p=1.0):
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        tensors = {name: tf.constant(value) for name, value in options.items()}
        return sample(logits, uniforms, **tensors).numpy().tolist()

    assert run(temperature=-1.0) == run(temperature=0.0) == run(top_p=-0.5)
    assert run(top_k=-3) == run() == run(top_p=1.5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"temperature": -0.1}, r"`temperature` must be at least 0, got -0.1; 0 is greedy."),
        ({"temperature": float("nan")}, r"`temperature` must be at least 0, got nan"),
        ({"top_k": -2}, r"`top_k` must be at least 0, got -2; 0 is off."),
        ({"top_p": 0.0}, r"`top_p` must be in \(0, 1\], got 0.0; 1 is off."),
        ({"top_p": [0.5, 1.1]}, r"`top_p` must be in \(0, 1\], got \[0.5, 1.1\]"),
    ],
)
def test_numbers_out_of_range_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        sample(np.zeros((2, 3)), np.zeros(2), **options)


def test_logits_of_other_axes_are_refused():
    with pytest.raises(ValueError, match=r"`logits` must have axes \(batch, vocabulary\)"):
        sample(np.zeros(3), np.zeros(1))
