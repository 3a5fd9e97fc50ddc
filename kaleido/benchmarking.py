"""Ratios of two things timed side by side."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List

import numpy as np

from kaleido.processor import cpu_name


def interleaved_seconds(
    calls: Dict[str, Callable[[], Any]], repeats: int = 7, warmups: int = 2
) -> Dict[str, float]:
    """Times calls in turn, so that a busy moment hits all of them alike.

    Args:
        calls: what to time, by name; each must wait for its result.
        repeats: timed rounds.
        warmups: rounds before, not timed.

    Returns:
        Median seconds of each call.
    """
    times: Dict[str, List[float]] = {name: [] for name in calls}
    for round_ in range(warmups + repeats):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if round_ >= warmups:
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in times.items()}


def entry(
    name: str, ratio: float, goal: float, at_most: bool = False, **details: Any
) -> Dict[str, Any]:
    """Returns a line of `runs/bench/report.json`.

    Args:
        name: what is compared.
        ratio: the figure.
        goal: what it should reach.
        at_most: whether it should stay below the goal instead.
        **details: seconds, sizes, versions.
    """
    return {
        "name": name,
        "ratio": round(ratio, 3),
        "goal": goal,
        "at_most": at_most,
        "reached": bool(ratio <= goal if at_most else ratio >= goal),
        "cpu": cpu_name(),
        **details,
    }
