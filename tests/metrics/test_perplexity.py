"""Perplexity against its definition, and of a model that has diverged."""

import numpy as np
import pytest

from kerasrnn.metrics.perplexity import perplexity


def test_a_uniform_guess_among_so_many_has_that_perplexity():
    assert perplexity(np.log(65)) == pytest.approx(65)


@pytest.mark.parametrize("nats", [89.0, 5.8e29, np.inf])
def test_a_diverged_model_has_a_number_that_single_precision_holds(nats):
    assert 1e38 < np.float32(perplexity(nats)) < np.inf
