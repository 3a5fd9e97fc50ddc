"""Is one scorer better than another? Ranks by query as a file, and the paired test."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Dict, Mapping, Sequence

import numpy as np

from kaleido.files import beside, read_arrays, read_json, write_arrays
from kaleido.manifest import Manifest
from kaleido.metrics.bootstrap import paired_bootstrap
from kaleido.retrieval_figures import Ranks

_FIELDS = tuple(field.name for field in dataclasses.fields(Ranks))


def outcomes_path(results: str) -> str:
    """Returns where the ranks of a results file lie: `FILE.outcomes.npz`."""
    return beside(results, ".outcomes.npz")


def save_outcomes(
    results: str, manifest: Manifest, ranks: Mapping[str, Mapping[str, Ranks]],
    products: Mapping[str, int],
) -> None:
    """Writes the rank of every query by every scorer, beside a results file.

    The file holds `manifest`, its fingerprint; `query_ids` and `query_products`, image
    ids of its queries and keys of their products; and for each scorer and task
    `<scorer>/<task>/queries`, indices into these, and `.../lists`, `.../larger` and
    `.../full`, int32, see `Ranks`.

    Args:
        results: path of the results file.
        manifest: the test set.
        ranks: by scorer and task.
        products: key of each picture's product, by image id.
    """
    ids = [manifest.image_ids[row] for row in manifest.queries]
    arrays = {
        "manifest": np.array(manifest.fingerprint),
        "query_ids": np.array(ids),
        "query_products": np.array([products[name] for name in ids]),
    }
    for scorer, tasks in ranks.items():
        for task, found in tasks.items():
            for field in _FIELDS:
                values = getattr(found, field)
                if values is not None:
                    arrays[f"{scorer}/{task}/{field}"] = values.astype(np.int32)
    write_arrays(outcomes_path(results), arrays)


def read_outcomes(results: str, content: Mapping[str, Any]) -> Dict[str, np.ndarray]:
    """Reads the arrays beside a results file, of any task.

    Args:
        results: path of the results file.
        content: its JSON.

    Raises:
        ValueError: if they are of another evaluation, or of an older version.
    """
    path = outcomes_path(results)
    arrays = read_arrays(path)
    asked = content.get("manifest", {}).get("fingerprint")
    found = str(arrays["manifest"]) if "manifest" in arrays else None
    if found != asked:
        raise ValueError(
            f"{path} is of another evaluation than {results}. Received: manifests "
            f"{found} and {asked}"
        )
    if not {"products", "query_products"} & set(arrays):
        raise ValueError(
            f"{path} does not say of which product each picture is; evaluate again. "
            f"Received: arrays {sorted(arrays)[:5]}"
        )
    return arrays


@dataclasses.dataclass(frozen=True)
class ScorerRanks:
    """One scorer's ranks of one results file.

    Attributes:
        file: path of the results.
        scorer: its name.
        manifest: the results' summary of it.
        ranks: by task.
        products: int64 [queries], keys of the products of the manifest's queries.
    """

    file: str
    scorer: str
    manifest: Mapping[str, Any]
    ranks: Mapping[str, Ranks]
    products: np.ndarray


def load_outcomes(results: str, scorer: str = "") -> ScorerRanks:
    """Reads what `save_outcomes` wrote.

    Args:
        results: path of the results file.
        scorer: whose ranks; by default the one that the results name `primary`.

    Raises:
        FileNotFoundError: if there are no results.
        ValueError: if the file holds no retrieval results, if there are no ranks beside
            them or those of another evaluation, or if the scorer is not among them.
    """
    content, path = read_json(results), outcomes_path(results)
    if not isinstance(content, dict) or not {"manifest", "primary"} <= set(content):
        raise ValueError(f"{results} holds no results of experiments.evaluate.")
    if not os.path.exists(path):
        raise ValueError(
            f"{results} has no ranks by query beside it; evaluate again. "
            f"Received: no file {path}"
        )
    arrays = read_outcomes(results, content)
    ranks: Dict[str, Dict[str, Dict[str, np.ndarray]]] = {}
    for name, values in arrays.items():
        if "/" in name:
            of_scorer, task, field = name.split("/")
            ranks.setdefault(of_scorer, {}).setdefault(task, {})[field] = values
    scorer = scorer or content["primary"]
    if scorer not in ranks:
        raise ValueError(
            f"{results} has the scorers {', '.join(sorted(ranks))}. "
            f"Received: {scorer!r}"
        )
    by_task = {task: Ranks(**fields) for task, fields in ranks[scorer].items()}
    products = arrays["query_products"]
    return ScorerRanks(results, scorer, content["manifest"], by_task, products)


def compare(a: ScorerRanks, b: ScorerRanks, seed: int = 0) -> Dict[str, Any]:
    """Compares the Rank@1 of two scorers, query by query.

    On the queries that both have ranked, of the draws that both have scored. Whether a
    query was found first is averaged over draws before, and products are drawn with all
    of their pictures: neither are independent.

    Args:
        a, b: of one manifest.
        seed: of the bootstrap.

    Returns:
        `a` and `b`, what is compared; `manifest`, its fingerprint; and by task and
        number of candidates (`101`, `1000`, `full`, as far as both have them) `a` and
        `b`, Rank@1 in percent; `difference`, `low` and `high` in points, `p_value`,
        `queries`, see `paired_bootstrap`.

    Raises:
        ValueError: if they are of two manifests, or have no query in common.
    """
    fingerprints = [x.manifest["fingerprint"] for x in (a, b)]
    if fingerprints[0] != fingerprints[1]:
        raise ValueError(
            "Only results of one manifest can be compared; evaluate both with "
            f"--manifest. Received: {a.file} of manifest {fingerprints[0]}, "
            f"{b.file} of {fingerprints[1]}"
        )
    names = {
        str(a.manifest["candidates"]): "lists",
        str(a.manifest["gallery"]): "larger",
        "full": "full",
    }
    found: Dict[str, Any] = {
        "a": {"results": a.file, "scorer": a.scorer},
        "b": {"results": b.file, "scorer": b.scorer},
        "manifest": fingerprints[0],
    }
    for task, of_a in a.ranks.items():
        of_b = b.ranks[task]
        found[task] = {
            name: _difference(*_found_first(of_a, of_b, field, a.products), seed)
            for name, field in names.items()
            if getattr(of_a, field) is not None and getattr(of_b, field) is not None
        }
    return found


def _found_first(a: Ranks, b: Ranks, field: str, products) -> Sequence[np.ndarray]:
    """Shares of draws in which each common query was found first, float [n] each; and
    the queries' products."""
    common, *places = np.intersect1d(a.queries, b.queries, return_indices=True)
    if not len(places[0]):
        raise ValueError(
            "The scorers were not asked one query in common. "
            f"Received: {len(a.queries)} and {len(b.queries)} queries"
        )
    ranks = [np.atleast_2d(getattr(x, field)) for x in (a, b)]
    draws = min(len(r) for r in ranks)
    first = [(r[:draws, place] == 1).mean(axis=0) for r, place in zip(ranks, places)]
    return [*first, products[common]]


def _difference(a, b, products, seed: int) -> Dict[str, Any]:
    tested = paired_bootstrap(a, b, products, seed)
    points = {name: 100 * tested[name] for name in ("difference", "low", "high")}
    shares = {"a": 100 * a.mean(), "b": 100 * b.mean(), **points}
    return {
        **{name: round(float(value), 2) for name, value in shares.items()},
        "p_value": round(tested["p_value"], 5),
        "queries": tested["queries"],
    }
