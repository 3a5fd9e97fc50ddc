"""Retrieval results of a run: all scorers, on one manifest, with the floor."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from absl import logging

from kaleido import inference, retrieval, warm_start
from kaleido.config import Config, TaskConfig, preset
from kaleido.interop.bert import load_minilm
from kaleido.manifest import CANDIDATES, Manifest, draw_manifest, list_length
from kaleido.metrics.retrieval import pessimistic_ranks, sum_of_ranks
from kaleido.models import Networks, networks_for
from kaleido.records import RecordSet


@dataclasses.dataclass(frozen=True)
class Retrieval:
    """What an evaluation returns.

    Attributes:
        results: for `results.json`: by task the figures of the scorer that
            `primary` names; `scorers`, `floor`, `manifest`, `weight`.
        pages: per task, sample queries for people to look at.
    """

    results: Dict[str, Any]
    pages: Dict[str, List[Dict[str, Any]]]


def align(split: inference.Split, manifest: Manifest, what: str) -> inference.Split:
    """Orders a split as a manifest's pool.

    Raises:
        ValueError: if the manifest was drawn from other pairs.
    """
    place = {image_id: i for i, image_id in enumerate(split.strings["image_id"])}
    missing = [i for i in manifest.image_ids if i not in place]
    if missing or len(place) != len(manifest.image_ids):
        raise ValueError(
            f"The manifest was drawn from another catalogue than {what}: it has "
            f"{len(manifest.image_ids)} pairs, the records have {len(place)}. "
            f"Received: e.g. {missing[:3]}"
        )
    order = np.array([place[i] for i in manifest.image_ids])
    return inference.Split(
        {k: v[order] for k, v in split.arrays.items()},
        {k: [v[i] for i in order] for k, v in split.strings.items()},
    )


def floor_similarity(
    records: RecordSet, config: Config, split: str, workdir: str
) -> Tuple[np.ndarray, Sequence[str]]:
    """Similarities of the bare ridge map: nothing trained by gradient.

    The packaged text encoder, frozen, and the closed-form map fitted on the
    training split with its settings chosen on validation.

    Args:
        records: the records.
        config: of the run; one that did not begin from such a map gets that of
            the `small` preset, from all levels.
        split: the pool.
        workdir: folder of the run, which keeps the map.

    Returns:
        float32 [pool, pool], pictures by texts, and the pool's image ids.
    """
    if not config.training.ridge_warm_start or config.training.init != "minilm":
        small = preset("small")
        levels = records.spec.patch_layout.levels
        config = dataclasses.replace(
            small,
            model=dataclasses.replace(small.model, shortcut_levels=levels),
            data=config.data,
            # Those that need no level of their own.
            tasks={"contrastive": TaskConfig()},
        )
        workdir = os.path.join(workdir, "floor")
        os.makedirs(workdir, exist_ok=True)
    networks = networks_for(config, records.spec)
    load_minilm(networks, records.vocabulary)
    ridge = warm_start.fit_or_load(networks, config, records, workdir)
    features, states = warm_start.ridge_inputs(
        networks, records, config, split, config.model.shortcut_levels
    )
    ids = inference.load_ids_and_keys(records, split)["image_ids"]
    return ridge.image_vectors(features) @ ridge.text_vectors(states).T, ids


def evaluate_floor(
    manifest: Manifest, similarity: np.ndarray, ids: Sequence[str]
) -> Dict[str, Any]:
    """Figures of a similarity matrix whose rows are in another order."""
    place = {image_id: i for i, image_id in enumerate(ids)}
    order = np.array([place[i] for i in manifest.image_ids])
    return _by_task(manifest, similarity[np.ix_(order, order)])


def _by_task(manifest: Manifest, similarity: np.ndarray) -> Dict[str, Any]:
    figures = {}
    for task in retrieval.TASKS:
        lists, _ = retrieval.evaluate_lists(
            manifest, task, lambda i, t: similarity[i, t]
        )
        full, _ = retrieval.evaluate_full(manifest, task, similarity)
        figures[task] = {
            **retrieval.rounded(lists), "full": retrieval.rounded(full),
            "neighbours_only": _neighbours_only(manifest, task, similarity),
        }
    return figures


def _neighbours_only(manifest, task, similarity) -> Dict[str, Any]:
    """Figures of the queries whose negatives are all of their sub-category."""
    queries = np.flatnonzero(manifest.all_neighbours)
    if not len(queries):
        return {"queries": 0}
    lists, _ = retrieval.evaluate_lists(
        manifest, task, lambda i, t: similarity[i, t], queries
    )
    return {"queries": len(queries), **retrieval.rounded(lists)}


def evaluate_retrieval(
    networks: Networks,
    config: Config,
    records: RecordSet,
    manifest: Manifest,
    split: str = "test",
    seed: int = 0,
    tasks: Sequence[str] = retrieval.TASKS,
    match_queries: int = 0,
    whole_list_queries: int = 200,
    weight_queries: int = 200,
    floor_workdir: str = "",
) -> Retrieval:
    """Evaluates a trained model by every scorer it has.

    Args:
        networks: trained.
        config: of the run.
        records: the records; `validation` chooses the weight of ITM.
        manifest: the test set.
        split: the pool and the queries.
        seed: of the queries that are drawn for ITM.
        tasks: of `retrieval.TASKS`.
        match_queries: queries whose short lists ITM re-ranks; 0 for all.
        whole_list_queries: of those, queries of which ITM alone scores the whole
            list of the first draw; 0 for all. Without the contrastive view it
            scores those of all draws.
        weight_queries: validation queries that choose the weight.
        floor_workdir: the run's folder, for the ridge map; empty leaves the
            floor out.
    """
    active = config.active_tasks()
    if not {"contrastive", "itm"} & set(active):
        raise ValueError(
            "The run trained neither `contrastive` nor `itm`: nothing scores pairs. "
            f"Received: tasks={list(active)}"
        )
    pool = inference.load_split(records, config, split)
    pool = align(pool, manifest, f"the {split} split of {records.directory}")
    scorer = inference.Scorer(networks, pool, config.data.text_lengths)
    scorers: Dict[str, Any] = {}
    results: Dict[str, Any] = {
        "manifest": manifest.summary(), "split": split, "scorers": scorers,
    }
    if floor_workdir:
        # First: what cannot be had should not cost the scores.
        floor, ids = floor_similarity(records, config, split, floor_workdir)
        results["floor"] = evaluate_floor(manifest, floor, ids)
    similarity = None
    if "contrastive" in active:
        logging.info("contrastive view of %d pairs", len(pool))
        images, texts = scorer.vectors()
        similarity = images @ texts.T * float(networks.contrastive.scale)
        scorers["contrastive"] = _by_task(manifest, similarity)
        shown = np.arange(len(manifest.queries))
        shown_scores = {
            task: similarity[
                retrieval.as_pairs(task, manifest.queries, manifest.candidates[0])
            ]
            for task in tasks
        }
        primary = "contrastive"
    if "itm" in active:
        rng = np.random.default_rng(seed)
        count = len(manifest.queries)
        if similarity is None:
            shown = _some(rng, count, whole_list_queries)
            scorers["itm"], shown_scores = _match_only(manifest, scorer, shown)
            primary = "itm"
        else:
            weight, tried = _weight_on_validation(
                networks, config, records, seed, weight_queries
            )
            results["weight"], results["weights_tried"] = weight, tried
            some = _some(rng, count, match_queries)
            whole = _some(rng, len(some), whole_list_queries)
            scorers.update(
                _two_stage(manifest, scorer, similarity, some, whole, weight)
            )
            # Figures of a few queries are no headline.
            primary = "both" if len(some) == count else "contrastive"
    results["primary"] = primary
    for task in tasks:
        results[task] = scorers[primary][task]
    for figures in [*scorers.values(), *([results["floor"]] if floor_workdir else [])]:
        figures["sum_of_ranks"] = round(sum_of_ranks(figures["itr"], figures["tir"]), 2)
    pages = {
        task: _sample_queries(manifest, shown, shown_scores[task], pool)
        for task in tasks
    }
    return Retrieval(results, pages)


def _some(rng, count: int, wanted: int) -> np.ndarray:
    if not wanted or wanted >= count:
        return np.arange(count)
    return np.sort(rng.choice(count, wanted, replace=False))


def _match_only(manifest, scorer, queries):
    """Figures of ITM alone by task, and the scores of the first draw's lists."""
    figures, first_draw = {}, {}
    for task in retrieval.TASKS:
        logging.info("%s: ITM on the lists of %d queries", task, len(queries))
        values = retrieval.score_lists(manifest, task, scorer.match_logits, queries)
        lists, _ = retrieval.rank_lists(values, manifest.own[:, queries])
        figures[task] = {**retrieval.rounded(lists), "queries": len(queries)}
        first_draw[task] = values[0]
    return figures, first_draw


def draw_test(records: RecordSet, split: str, seed: int) -> Manifest:
    """Draws the manifest of a split; a small one has shorter lists, and a warning.

    Raises:
        ValueError: if a query has no wrong candidate.
    """
    pairs = inference.load_ids_and_keys(records, split)
    candidates, count = list_length(**pairs), len(pairs["image_ids"])
    if candidates < 2:
        raise ValueError(
            f"The {split} split of {records.directory} is too small to rank anything: "
            f"a query has no wrong candidate. Received: {count} pairs"
        )
    if candidates < CANDIDATES:
        logging.warning(
            "%d pairs of the %s split are too few for lists of %d candidates: lists "
            "have %d, and figures are higher than those of %d would be.",
            count, split, CANDIDATES, candidates, CANDIDATES,
        )
    return draw_manifest(**pairs, seed=seed, candidates=candidates)


def _weight_on_validation(networks, config, records, seed, count):
    pairs = inference.load_ids_and_keys(records, "validation")
    candidates = list_length(**pairs)
    if candidates < 2:
        logging.warning("Too few validation pairs to choose ITM's weight: it is 1.")
        return 1.0, []
    manifest = draw_manifest(
        **pairs, seed=seed, draws=1, max_queries=count,
        candidates=candidates,
    )
    pool = inference.load_split(records, config, "validation")
    pool = align(pool, manifest, "the validation split")
    scorer = inference.Scorer(networks, pool, config.data.text_lengths)
    images, texts = scorer.vectors()
    similarity = images @ texts.T * float(networks.contrastive.scale)
    queries = np.arange(len(manifest.queries))
    logging.info("choosing ITM's weight on %d validation queries", len(queries))
    stages = [
        retrieval.TwoStage(manifest, task, similarity, scorer.match_logits, queries)
        for task in retrieval.TASKS
    ]
    return retrieval.choose_weight(stages)


def _two_stage(manifest, scorer, similarity, some, whole, weight) -> Dict[str, Any]:
    figures: Dict[str, Any] = {"itm": {}, "reranked": {}, "both": {}}
    for task in retrieval.TASKS:
        logging.info(
            "%s: ITM on short lists of %d queries and whole lists of %d",
            task, len(some), len(whole),
        )
        stage = retrieval.TwoStage(
            manifest, task, similarity, scorer.match_logits, some, whole, gallery=True
        )
        figures["itm"][task] = {
            **retrieval.rounded(stage.match_alone()), "queries": len(whole),
            "draws": 1,
        }
        for name, w in (("reranked", None), ("both", weight)):
            figures[name][task] = {
                **retrieval.rounded(stage.lists(w)[0]),
                "full": retrieval.rounded(stage.gallery(w)),
                "queries": len(some),
            }
        # The contrastive figures of the same queries, to compare with.
        figures["both"][task]["contrastive_on_these"] = retrieval.rounded(
            stage.lists(0.0)[0]
        )
    return figures


_SHOWN_QUERIES, _SHOWN_RESULTS = 16, 6


def _sample_queries(
    manifest: Manifest, queries: np.ndarray, scores: np.ndarray, pool: inference.Split
) -> List[Dict[str, Any]]:
    """Sample queries of the first draw: half of them right, half wrong.

    Args:
        manifest: the test set.
        queries: int [n], indices into `manifest.queries`.
        scores: float [n, candidates], of the first draw's lists.
        pool: what the manifest's rows are.
    """
    rows = manifest.queries[queries]
    candidates, own_places = manifest.candidates[0, queries], manifest.own[0, queries]
    ranks = pessimistic_ranks(scores, own_places)
    rng = np.random.default_rng(0)
    right = rng.permutation(np.flatnonzero(ranks == 1))[: _SHOWN_QUERIES // 2]
    wrong = rng.permutation(np.flatnonzero(ranks > 1))[: _SHOWN_QUERIES // 2]
    # The worst cases teach most.
    worst = np.argsort(-ranks, kind="stable")[: _SHOWN_QUERIES // 4]
    shown = []
    for q in dict.fromkeys([*worst.tolist(), *wrong.tolist(), *right.tolist()]):
        order = np.argsort(-scores[q], kind="stable")[:_SHOWN_RESULTS].tolist()
        own = int(own_places[q])
        if own not in order:
            # What should have been found, in the last place.
            order[-1] = own
        shown.append(
            {
                "rank": int(ranks[q]),
                "query": _item(pool, int(rows[q])),
                "results": [
                    {
                        **_item(pool, int(candidates[q, c])),
                        "right": c == own,
                    }
                    for c in order
                ],
            }
        )
    return shown


def _item(pool: inference.Split, row: int) -> Dict[str, Any]:
    return {
        name: pool.strings[name][row]
        for name in ("image_id", "text", "subcategory", "thumbnail")
    }

