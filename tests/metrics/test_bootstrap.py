"""The paired bootstrap: its interval, its p-value, and when it calls a difference."""

import numpy as np
import pytest
from scipy import stats

from kaleido.metrics.bootstrap import paired_bootstrap


def outcomes(rng, queries, a, b):
    """Queries differ in how hard they are; both runs see the same ones."""
    hard = rng.normal(0, 1, queries)
    noise = rng.normal(0, 0.5, (2, queries))
    return ((hard + noise[0] < a).astype(float), (hard + noise[1] < b).astype(float))


def test_the_interval_is_scipys():
    a, b = outcomes(np.random.default_rng(0), 400, 0.6, 0.4)
    ours = paired_bootstrap(a, b)
    theirs = stats.bootstrap(
        (a, b), lambda x, y, axis: (x - y).mean(axis), paired=True, vectorized=True,
        n_resamples=10_000, method="percentile", random_state=1,
    ).confidence_interval
    assert ours["difference"] == pytest.approx(a.mean() - b.mean())
    assert ours["low"] == pytest.approx(theirs.low, abs=0.004)
    assert ours["high"] == pytest.approx(theirs.high, abs=0.004)


def test_the_p_value_is_that_of_a_paired_test():
    a, b = outcomes(np.random.default_rng(4), 600, 0.5, 0.42)
    expected = stats.ttest_rel(a, b).pvalue
    assert 0.01 < expected < 0.5
    assert paired_bootstrap(a, b)["p_value"] == pytest.approx(expected, rel=0.15)


def test_equal_runs_are_called_different_as_rarely_as_promised():
    rng = np.random.default_rng(0)
    called = [
        paired_bootstrap(*outcomes(rng, 150, 0.5, 0.5), samples=1000)["p_value"] < 0.05
        for _ in range(200)
    ]
    # Binomial, 200 trials of .05: above 20 with a chance of .002.
    assert 1 <= sum(called) <= 20


def test_pairing_sees_what_two_separate_samples_do_not():
    rng = np.random.default_rng(0)
    hard = rng.normal(0, 3, 300)
    a, b = hard + rng.normal(0.1, 0.2, 300), hard
    assert paired_bootstrap(a, b)["p_value"] < 0.001
    assert paired_bootstrap(a, rng.permutation(b))["p_value"] > 0.05


def test_the_same_seed_gives_the_same_figures_and_sides_can_be_exchanged():
    a, b = outcomes(np.random.default_rng(5), 100, 0.6, 0.4)
    one, other = paired_bootstrap(a, b, seed=3), paired_bootstrap(b, a, seed=3)
    assert one == paired_bootstrap(a, b, seed=3) != paired_bootstrap(a, b, seed=4)
    assert one["p_value"] == other["p_value"]
    assert one["difference"] == -other["difference"]


def test_the_same_queries_again_say_nothing_new():
    """A product with many pictures that all fare alike is one observation."""
    a, b = outcomes(np.random.default_rng(6), 120, 0.7, 0.42)
    once, products = paired_bootstrap(a, b), np.arange(120)
    thrice = [np.tile(x, 3) for x in (a, b, products)]
    found, apart = paired_bootstrap(*thrice), paired_bootstrap(*thrice[:2])
    for name in ("difference", "low", "high", "p_value"):
        assert found[name] == pytest.approx(once[name])
    assert found["queries"] == 360
    assert apart["p_value"] < found["p_value"] / 3


def test_products_count_by_their_pictures():
    a, b = np.array([1.0, 1.0, 1.0, 0.0]), np.zeros(4)
    found = paired_bootstrap(a, b, np.array([7, 7, 7, 9]))
    assert found["difference"] == 0.75
    # Only the one, only the other, or both: the shares of two draws of two products.
    assert (found["low"], found["high"]) == (0.0, 1.0)
    with pytest.raises(ValueError, match="products of shape .3.*outcomes of .4"):
        paired_bootstrap(a, b, np.arange(3))


def test_a_run_does_not_differ_from_itself():
    a = np.random.default_rng(0).uniform(size=50)
    assert paired_bootstrap(a, a)["p_value"] == 1.0


@pytest.mark.parametrize("a, b", [([1.0], [1.0, 0.0]), ([], [])])
def test_other_queries_are_one_clear_error(a, b):
    with pytest.raises(ValueError, match="of each query from both runs"):
        paired_bootstrap(a, b)
