"""Retrieval results of a run: all scorers, on one manifest, with the floor."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from absl import logging

from kaleido import inference, retrieval, warm_start
from kaleido.config import Config, TaskConfig
from kaleido.galleries import as_pairs
from kaleido.image_retrieval import image_to_image
from kaleido.interop.bert import load_minilm
from kaleido.manifest import Manifest, draw_manifest, list_length
from kaleido.models import Networks, networks_for
from kaleido.pools import align, audited_pairs
from kaleido.presets import preset
from kaleido.records import RecordSet
from kaleido.retrieval_figures import Ranks, of_draws, scorer_figures
from kaleido.sample_queries import sample_queries


@dataclasses.dataclass(frozen=True)
class Retrieval:
    """What an evaluation returns.

    Attributes:
        results: for `results.json`: by task the figures of the scorer that
            `primary` names; `scorers` and `floor`, see `scorer_figures`;
            `image_to_image`; `manifest`, `weight`.
        pages: per task, sample queries for people to look at.
        ranks: by scorer and task, what the figures come from; the floor is one.
    """

    results: Dict[str, Any]
    pages: Dict[str, List[Dict[str, Any]]]
    ranks: Dict[str, Dict[str, Ranks]]


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


def in_pool_order(
    manifest: Manifest, similarity: np.ndarray, ids: Sequence[str]
) -> np.ndarray:
    """Returns a similarity matrix whose rows had another order in the manifest's.

    Args:
        manifest: the test set.
        similarity: float32 [n, n], pictures by texts.
        ids: of its rows; the manifest's and, it may be, more.
    """
    place = {image_id: i for i, image_id in enumerate(ids)}
    order = np.array([place[i] for i in manifest.image_ids])
    return similarity[np.ix_(order, order)]


def _rank_everything(manifest, similarity) -> Dict[str, Ranks]:
    return {
        task: retrieval.rank_everything(manifest, task, similarity)
        for task in retrieval.TASKS
    }


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
    results: Dict[str, Any] = {
        "manifest": manifest.summary(), "split": split,
        "image_to_image": {"queries": 0},
    }
    ranks: Dict[str, Dict[str, Ranks]] = {}
    if floor_workdir:
        # First: what cannot be had should not cost the scores.
        floor, ids = floor_similarity(records, config, split, floor_workdir)
        ranks["floor"] = _rank_everything(
            manifest, in_pool_order(manifest, floor, ids)
        )
    similarity = None
    if "contrastive" in active:
        logging.info("contrastive view of %d pairs", len(pool))
        images, texts = scorer.vectors()
        similarity = images @ texts.T * float(networks.contrastive.scale)
        ranks["contrastive"] = _rank_everything(manifest, similarity)
        keys = (pool.arrays["product_key"], pool.arrays["picture_key"])
        results["image_to_image"] = image_to_image(images, manifest.queries, *keys)
        shown = np.arange(len(manifest.queries))
        shown_scores = {
            task: similarity[as_pairs(task, manifest.queries, manifest.candidates[0])]
            for task in tasks
        }
        primary = "contrastive"
    if "itm" in active:
        rng = np.random.default_rng(seed)
        count = len(manifest.queries)
        if similarity is None:
            shown = _some(rng, count, whole_list_queries)
            ranks["itm"], shown_scores = _match_only(manifest, scorer, shown)
            primary = "itm"
        else:
            weight, tried = _weight_on_validation(
                networks, config, records, seed, weight_queries
            )
            results["weight"], results["weights_tried"] = weight, tried
            some = _some(rng, count, match_queries)
            whole = _some(rng, len(some), whole_list_queries)
            ranks.update(_two_stage(manifest, scorer, similarity, some, whole, weight))
            # Figures of a few queries are no headline.
            primary = "both" if len(some) == count else "contrastive"
    figures = {
        name: scorer_figures(manifest, found, pool.strings["subcategory"])
        for name, found in ranks.items()
    }
    if "both" in ranks:
        for task, found in ranks["both"].items():
            # The contrastive figures of the same queries, to compare with.
            same = ranks["contrastive"][task].lists[:, found.queries]
            figures["both"][task]["contrastive_on_these"] = of_draws(same)
    if floor_workdir:
        results["floor"] = figures.pop("floor")
    results.update(
        scorers=figures, primary=primary,
        **{task: figures[primary][task] for task in tasks},
    )
    pages = {
        task: sample_queries(manifest, shown, shown_scores[task], pool)
        for task in tasks
    }
    return Retrieval(results, pages, ranks)


def _some(rng, count: int, wanted: int) -> np.ndarray:
    if not wanted or wanted >= count:
        return np.arange(count)
    return np.sort(rng.choice(count, wanted, replace=False))


def _match_only(manifest, scorer, queries):
    """Ranks by ITM alone by task, and the scores of the first draw's lists."""
    ranks, first_draw = {}, {}
    for task in retrieval.TASKS:
        logging.info("%s: ITM on the lists of %d queries", task, len(queries))
        values = retrieval.score_lists(manifest, task, scorer.match_logits, queries)
        _, lists = retrieval.rank_lists(values, manifest.own[:, queries])
        ranks[task] = Ranks(queries, lists)
        first_draw[task] = values[0]
    return ranks, first_draw


def _weight_on_validation(networks, config, records, seed, count):
    pairs, found = audited_pairs(records, "validation")
    candidates = list_length(**pairs)
    if candidates < 2:
        logging.warning("Too few validation pairs to choose ITM's weight: it is 1.")
        return 1.0, []
    manifest = draw_manifest(
        **pairs, seed=seed, draws=1, max_queries=count,
        candidates=candidates, origin={"audit": found},
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


def _two_stage(
    manifest, scorer, similarity, some, whole, weight
) -> Dict[str, Dict[str, Ranks]]:
    ranks: Dict[str, Dict[str, Ranks]] = {"itm": {}, "reranked": {}, "both": {}}
    for task in retrieval.TASKS:
        logging.info(
            "%s: ITM on short lists of %d queries and whole lists of %d",
            task, len(some), len(whole),
        )
        stage = retrieval.TwoStage(
            manifest, task, similarity, scorer.match_logits, some, whole,
            galleries=True,
        )
        ranks["itm"][task] = stage.match_alone()
        ranks["reranked"][task] = stage.ranks(None)
        ranks["both"][task] = stage.ranks(weight)
    return ranks
