"""One ridge map of one setting; the library compares many."""

from kaleido.ridge_map import RidgeFit


def fit_ridge_map(features, states, penalty, whitening=0.5):
    """Fits one map; see `RidgeFit`."""
    fit = RidgeFit(features, states)
    return fit.whiten(0, *fit.solve(penalty)[0], whitening)
