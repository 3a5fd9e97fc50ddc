"""Is A better than B? A paired bootstrap over the test's queries."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np

SAMPLES = 10_000
_TOGETHER = 500


def paired_bootstrap(
    a: np.ndarray, b: np.ndarray, seed: int = 0, samples: int = SAMPLES
) -> Dict[str, Any]:
    """Compares two runs on the same queries.

    Queries are drawn with replacement, each with both of its outcomes. Outcomes of a
    query under several draws of candidates, or of several seeds, are averaged before:
    they are not independent.

    Args:
        a, b: float [queries], an outcome of each, e.g. whether it was found first.
        seed: of the samples.
        samples: how many are drawn.

    Returns:
        `difference`, the mean of a - b; `low` and `high`, its 95 % interval
        (percentiles); `p_value`, two-sided: twice the share of samples on the other
        side of zero, at least 2 / (samples + 1).

    Raises:
        ValueError: if the runs have other queries, or none.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(
            "A paired comparison needs an outcome of each query from both runs. "
            f"Received: outcomes of shapes {a.shape} and {b.shape}"
        )
    difference, rng = a - b, np.random.default_rng(seed)
    count = len(difference)
    means = np.concatenate([
        rng.multinomial(count, np.full(count, 1 / count), size) @ difference / count
        for size in np.diff([*range(0, samples, _TOGETHER), samples])
    ])
    low, high = np.percentile(means, [2.5, 97.5])
    beyond = min((means <= 0).sum(), (means >= 0).sum())
    return {
        "difference": float(difference.mean()),
        "low": float(low),
        "high": float(high),
        "p_value": float(min(1.0, 2 * (beyond + 1) / (samples + 1))),
        "queries": count,
    }
