"""The feed-forward n-gram network: against the paper's equation in NumPy."""

import keras
import numpy as np
import pytest

from kerasrnn.baselines import feed_forward_ngram


@pytest.mark.parametrize("direct", [True, False])
def test_the_logits_are_those_of_the_papers_equation(direct):
    keras.utils.set_random_seed(1)
    sizes = {"vocabulary": 9, "order": 4, "embedding_size": 3, "units": 5}
    model = feed_forward_ngram(**sizes, direct=direct, dropout=0.5)
    model.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in model.get_weights()])
    tokens = np.array([[0, 8, 3], [1, 1, 7]])
    weight = {v.path: np.float64(v.numpy()) for v in model.variables}
    x = weight["table/embeddings"][tokens].reshape(2, 9)
    hidden = np.tanh(weight["hidden/bias"] + x @ weight["hidden/kernel"])
    expected = weight["outputs/bias"] + hidden @ weight["outputs/kernel"]
    if direct:
        expected = expected + x @ weight["direct/kernel"]
    np.testing.assert_allclose(model.predict(tokens, verbose=0), expected, rtol=2e-5, atol=1e-5)


def test_it_is_the_same_after_saving(tmp_path):
    model = feed_forward_ngram(vocabulary=5, order=2, embedding_size=3, units=4)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    tokens = np.arange(5)[:, None]
    np.testing.assert_array_equal(
        again.predict(tokens, verbose=0), model.predict(tokens, verbose=0)
    )


def test_without_a_word_to_read_it_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        feed_forward_ngram(vocabulary=5, order=1, embedding_size=3, units=4)
