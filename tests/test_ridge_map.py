"""The closed-form map recovers what is linear, and whitening earns its keep."""

import numpy as np
import pytest

from kaleido import ridge_map
from tests.ridge_fits import fit_ridge_map


def ranks(ridge, features, states):
    """Rank of each picture's own text, from 1, ties against us."""
    scores = ridge.image_vectors(features) @ ridge.text_vectors(states).T
    return (scores >= np.diag(scores)[:, None]).sum(1)


def pairs(count, noise, seed=0, features=24, size=12):
    """Texts that are a linear map of pictures, and noise of a given spread."""
    fixed = np.random.default_rng(99)
    kernel = fixed.normal(size=(features, size))
    scale = np.exp(fixed.normal(size=features))
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, features)) * scale + 3.0
    y = (x / scale) @ kernel + 5.0 + rng.normal(size=(count, size)) * noise
    return x.astype(np.float32), y.astype(np.float32)


@pytest.mark.parametrize("whitening", [0.0, 0.5])
def test_linear_data_ranks_perfectly(whitening):
    ridge = fit_ridge_map(*pairs(400, 0.0), 1e-6, whitening)
    assert (ranks(ridge, *pairs(300, 0.0, seed=1)) == 1).all()


@pytest.mark.parametrize("count", [200, 15])
def test_without_whitening_the_map_is_ridge_regression(count):
    """Against the textbook formula on standardised features, also of fewer pairs."""
    x, y = pairs(count, 1.0)
    penalty = 0.3
    ridge = fit_ridge_map(x, y, penalty, 0.0)
    scaled = (x - x.mean(0)) / x.std(0)
    kernel = np.linalg.solve(
        scaled.T @ scaled + penalty * len(x) * np.eye(x.shape[1]),
        scaled.T @ (y - y.mean(0)),
    )
    new_x, new_y = pairs(50, 1.0, seed=2)
    predicted = (new_x - x.mean(0)) / x.std(0) @ kernel
    predicted /= np.linalg.norm(predicted, axis=1, keepdims=True)
    np.testing.assert_allclose(ridge.image_vectors(new_x), predicted, atol=1e-3)
    centred = new_y - y.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(ridge.text_vectors(new_y), centred, atol=1e-4)


def test_whitening_pays_when_some_directions_are_noisy():
    noise = np.array([0.3] * 8 + [20.0] * 4)
    train, test = pairs(1000, noise), pairs(400, noise, seed=1)
    plain = (1 / ranks(fit_ridge_map(*train, 0.01, 0.0), *test)).mean()
    white = (1 / ranks(fit_ridge_map(*train, 0.01, 0.5), *test)).mean()
    assert white > plain + 0.2


def test_full_whitening_makes_the_residual_round():
    x, y = pairs(3000, np.array([0.5] * 6 + [5.0] * 6))
    fit = ridge_map.RidgeFit(x, y)
    ((kernel, covariance),) = fit.solve(1e-3)
    ridge = fit.whiten(0, kernel, covariance, 0.5, shrinkage=0.0)
    residual = (y @ ridge.text_kernel + ridge.text_bias) - (
        x @ ridge.image_kernel + ridge.image_bias
    )
    found = residual.T @ residual / len(x)
    np.testing.assert_allclose(
        found, np.eye(12) * np.trace(covariance) / 12, atol=0.02 * np.trace(covariance)
    )


@pytest.mark.parametrize("count", [200, 30])
def test_a_fit_without_pairs_is_that_of_the_others(count):
    """Of fewer pairs than features, and of more; scaled and centred as all are."""
    x, y = pairs(count, 1.0, features=24 if count == 200 else 40)
    rows = np.arange(0, count, 3)
    fit = ridge_map.RidgeFit(x, y)
    (kernel,) = fit.without(rows).kernels(0.3)
    scaled, centred = (x - x.mean(0)) / x.std(0), y - y.mean(0)
    scaled, centred = np.delete(scaled, rows, 0), np.delete(centred, rows, 0)
    expected = np.linalg.solve(
        scaled.T @ scaled + 0.3 * len(scaled) * np.eye(x.shape[1]), scaled.T @ centred
    )
    np.testing.assert_allclose(kernel, expected, atol=1e-4)
    # And the fit of all is what it was.
    np.testing.assert_array_equal(
        fit.kernels(0.3)[0], ridge_map.RidgeFit(x, y).kernels(0.3)[0]
    )


def test_a_feature_that_never_varies_does_no_harm():
    x, y = pairs(300, 0.5)
    x[:, 3] = 7.0
    ridge = fit_ridge_map(x, y, 0.01)
    test_x, test_y = pairs(100, 0.5, seed=1)
    test_x[:, 3] = 7.0
    assert np.isfinite(ridge.image_vectors(test_x)).all()
    assert (ranks(ridge, test_x, test_y) == 1).mean() > 0.8


def test_the_setting_that_is_best_on_validation_is_chosen():
    noise = np.array([0.3] * 8 + [20.0] * 4)
    train, validation = pairs(800, noise), pairs(300, noise, seed=1)
    # A second target, noise alone, has no say in the first one's setting.
    other = np.random.default_rng(5).normal(size=(1100, 3)).astype(np.float32)
    (ridge, chosen), (second, _) = ridge_map.choose_ridge_maps(
        ridge_map.RidgeFit(*train, other[:800]), (*validation, other[800:]),
        penalties=(1e-3, 1e3), whitenings=(0.0, 0.5),
    )
    assert chosen["whitening"] == 0.5 and second.text_kernel.shape == (3, 3)
    every = {}
    for penalty in (1e-3, 1e3):
        for whitening in (0.0, 0.5):
            fitted = fit_ridge_map(*train, penalty, whitening)
            both = [ranks(fitted, *validation)]
            scores = fitted.image_vectors(validation[0]) @ fitted.text_vectors(
                validation[1]
            ).T
            both.append((scores >= np.diag(scores)[None]).sum(0))
            every[penalty, whitening] = np.mean(1 / np.concatenate(both))
    best = max(every, key=every.get)
    assert (chosen["penalty"], chosen["whitening"]) == best
    assert chosen["mean_reciprocal_rank"] == pytest.approx(every[best], abs=1e-3)
    again = fit_ridge_map(*train, *best)
    np.testing.assert_allclose(
        ridge.image_vectors(validation[0]), again.image_vectors(validation[0]),
        atol=1e-5,
    )


def test_mean_reciprocal_rank_by_hand_counts_ties_against_us():
    scores = np.array([[3.0, 1.0, 2.0], [0.0, 1.0, 1.0], [5.0, 0.0, 4.0]])
    # Rows: ranks 1, 2 (tie), 2; columns: 2, 2 (tie), 1.
    expected = np.mean([1, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1])
    assert ridge_map._mean_reciprocal_rank(scores) == pytest.approx(expected)
