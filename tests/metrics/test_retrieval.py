"""Ranks by hand, and what a random, a perfect and a constant scorer must get."""

import numpy as np
import pytest

from kaleido.metrics.retrieval import (
    largest_error,
    over_draws,
    pessimistic_ranks,
    rank_shares,
    sum_of_ranks,
)


def test_ranks_by_hand_with_ties_against_the_own_candidate():
    scores = np.array(
        [
            [0.9, 0.1, 0.5],  # own is the best
            [0.9, 0.1, 0.5],  # own is the worst
            [0.5, 0.9, 0.5],  # one better, one equal
            [0.5, 0.5, 0.5],  # all equal
            [-1.0, -np.inf, -np.inf],
        ]
    )
    ranks = pessimistic_ranks(scores, np.array([0, 1, 0, 2, 0]))
    assert ranks.tolist() == [1, 3, 3, 3, 1]


def test_shares_median_and_sum_by_hand():
    shares = rank_shares(np.array([1, 1, 5, 6, 10, 11, 101, 2]))
    assert shares == {
        "rank_at_1": 2 / 8, "rank_at_5": 4 / 8, "rank_at_10": 6 / 8,
        "median_rank": 5.5,
    }
    other = {"rank_at_1": 0.1, "rank_at_5": 0.2, "rank_at_10": 0.3}
    # 25 + 50 + 75, and 10 + 20 + 30.
    assert sum_of_ranks(shares, other) == pytest.approx(210.0)


def test_draws_are_averaged_and_rank_at_1_has_its_deviation():
    draws = [
        {"rank_at_1": 0.2, "median_rank": 3.0}, {"rank_at_1": 0.4, "median_rank": 6.0},
    ]
    figures = over_draws(draws)
    assert figures["rank_at_1"] == pytest.approx(0.3)
    assert figures["median_rank"] == pytest.approx(4.5)
    # Of a sample: each is .1 from the mean, over one degree of freedom.
    assert figures["std"] == pytest.approx(0.02**0.5)
    assert over_draws(draws[:1])["std"] == 0.0


def test_the_error_of_a_rank_is_that_of_a_share():
    rng = np.random.default_rng(0)
    figures = 100 * rng.binomial(200, 0.5, 20_000) / 200
    assert figures.std() == pytest.approx(largest_error(200), rel=0.02)


def test_random_scorer_finds_one_in_a_hundred_and_one():
    queries, candidates = 20_000, 101
    rng = np.random.default_rng(0)
    ranks = pessimistic_ranks(
        rng.random((queries, candidates)), rng.integers(0, candidates, queries)
    )
    shares = rank_shares(ranks)
    for k in (1, 5, 10):
        chance = k / candidates
        error = np.sqrt(chance * (1 - chance) / queries)
        assert abs(shares[f"rank_at_{k}"] - chance) < 3 * error
    # A positive that is missing from its list would show here.
    assert ranks.max() <= candidates and ranks.min() >= 1


def test_any_ranking_has_nearly_all_positives_at_rank_100():
    """Lists of 101 that lack some of their positives fall short of it."""
    queries, candidates = 20_000, 101
    rng = np.random.default_rng(1)
    ranks = pessimistic_ranks(
        rng.random((queries, candidates)), rng.integers(0, candidates, queries)
    )
    error = np.sqrt(100 / 101 * 1 / 101 / queries)
    assert abs((ranks <= 100).mean() - 100 / 101) < 3 * error


def test_perfect_scorer_is_always_first_and_constant_scorer_never():
    own = np.array([3, 0, 100])
    perfect = np.zeros((3, 101))
    perfect[np.arange(3), own] = 1.0
    assert rank_shares(pessimistic_ranks(perfect, own))["rank_at_1"] == 1.0
    assert rank_shares(pessimistic_ranks(np.ones((3, 101)), own))["rank_at_10"] == 0.0


def test_a_diverged_model_is_no_ranking():
    scores = np.zeros((2, 3))
    scores[1, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        pessimistic_ranks(scores, np.array([0, 0]))
