"""Is A better than B? A paired bootstrap over the test's queries."""

from __future__ import annotations

from typing import Any, Dict, Optional

import numpy as np

SAMPLES = 10_000
_TOGETHER = 500


def paired_bootstrap(
    a: np.ndarray, b: np.ndarray, products: Optional[np.ndarray] = None,
    seed: int = 0, samples: int = SAMPLES,
) -> Dict[str, Any]:
    """Compares two runs on the same queries.

    Products are drawn with replacement, each with all of its queries and both outcomes
    of each: pictures of one product are not independent. Nor are outcomes of a query
    under several draws of candidates, or of several seeds: they are averaged before.

    Args:
        a, b: float [queries], an outcome of each, e.g. whether it was found first.
        products: any [queries], whose picture each is; by default each of another.
        seed: of the samples.
        samples: how many are drawn.

    Returns:
        `difference`, the mean of a - b; `low` and `high`, its 95 % interval
        (percentiles); `p_value`, two-sided: twice the share of samples on the other
        side of zero, at least 2 / (samples + 1).

    Raises:
        ValueError: if the runs have other queries, or none, or products are not as
            many.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(
            "A paired comparison needs an outcome of each query from both runs. "
            f"Received: outcomes of shapes {a.shape} and {b.shape}"
        )
    difference, rng = a - b, np.random.default_rng(seed)
    if products is None:
        products = np.arange(len(difference))
    if np.shape(products) != a.shape:
        raise ValueError(
            "Each query is of a product. Received: products of shape "
            f"{np.shape(products)}, outcomes of {a.shape}"
        )
    _, product = np.unique(products, return_inverse=True)
    sums, queries = np.bincount(product, difference), np.bincount(product)
    count, means = len(sums), []
    for size in np.diff([*range(0, samples, _TOGETHER), samples]):
        drawn = rng.multinomial(count, np.full(count, 1 / count), size)
        means.append(drawn @ sums / (drawn @ queries))
    means = np.concatenate(means)
    low, high = np.percentile(means, [2.5, 97.5])
    beyond = min((means <= 0).sum(), (means >= 0).sum())
    return {
        "difference": float(difference.mean()),
        "low": float(low),
        "high": float(high),
        "p_value": float(min(1.0, 2 * (beyond + 1) / (samples + 1))),
        "queries": len(difference),
    }
