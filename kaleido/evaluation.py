"""Retrieval results of a run: all scorers, on one manifest, with the floor."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from absl import logging

from kaleido import hubness, inference, retrieval
from kaleido.config import Config
from kaleido.cosines import Cosines
from kaleido.evenly import stride
from kaleido.floor import Floor
from kaleido.galleries import as_pairs
from kaleido.hubness import Hubness
from kaleido.image_retrieval import image_to_image
from kaleido.inference import Vectors
from kaleido.manifest import Manifest, draw_manifest, list_length
from kaleido.models import Networks
from kaleido.pools import align, audited_pairs
from kaleido.records import RecordSet
from kaleido.retrieval_figures import FLOORS, Ranks, of_draws, scorer_figures
from kaleido.sample_queries import sample_queries


@dataclasses.dataclass(frozen=True)
class Retrieval:
    """What an evaluation returns.

    Attributes:
        results: for `results.json`: by task the figures of the scorer that
            `primary` names; `scorers`, `floor` and `floor_corrected`, see
            `scorer_figures`; `image_to_image`; `manifest`, `weight`,
            `hubness_weights`.
        pages: per task, sample queries for people to look at.
        ranks: by scorer and task, what the figures come from; the floor is one.
    """

    results: Dict[str, Any]
    pages: Dict[str, List[Dict[str, Any]]]
    ranks: Dict[str, Dict[str, Ranks]]


def _draw_validation(records: RecordSet, seed: int) -> Manifest | None:
    """Draws what weights are chosen on; nothing where too few pairs are to rank."""
    pairs, found = audited_pairs(records, "validation")
    candidates = list_length(**pairs)
    if candidates > 1:
        return draw_manifest(
            **pairs, seed=seed, draws=1, candidates=candidates,
            origin={"audit": found},
        )
    logging.warning(
        "Too few validation pairs to choose weights: hubness has %s, ITM 1.",
        hubness.UNCHOSEN,
    )
    return None


@dataclasses.dataclass(frozen=True)
class _Compared:
    """What vectors say of a pool.

    Attributes:
        plain, corrected: ranks by task, see `hubness`.
        scores: the corrected cosines, times the scale, by task.
        settings: `hubness_weights` by task, and `hubness_tried`.
    """

    plain: Dict[str, Ranks]
    corrected: Dict[str, Ranks]
    scores: Dict[str, Cosines]
    settings: Dict[str, Any]


def _compare(manifest: Manifest, pool: Hubness, chosen: hubness.Chosen) -> _Compared:
    weights, tried = chosen
    corrected = pool.correct(weights)

    def ranked(by_task):
        return {
            task: retrieval.rank_everything(manifest, task, by_task[task])
            for task in retrieval.TASKS
        }

    return _Compared(
        ranked(pool.correct(hubness.NOTHING)), ranked(corrected),
        corrected, {"hubness_weights": dict(weights), "hubness_tried": tried},
    )


def in_pool_order(
    manifest: Manifest, vectors: Vectors, ids: Sequence[str]
) -> Vectors:
    """Returns vectors in the manifest's order.

    Args:
        manifest: the test set.
        vectors: float32 [n, size] each.
        ids: of their rows; the manifest's and, it may be, more.
    """
    place = {image_id: i for i, image_id in enumerate(ids)}
    order = np.array([place[i] for i in manifest.image_ids])
    images, texts = vectors
    return images[order], texts[order]


def _compare_floor(
    floor: Floor, records: RecordSet, manifest: Manifest, split: str,
    validation: Manifest | None,
) -> _Compared:
    every = stride(records.counts.get("train", 0), hubness.BANK)
    bank = floor.vectors("train", every)[0]

    def pool(asked, name):
        return Hubness(in_pool_order(asked, *floor.vectors(name)), bank)

    chosen: hubness.Chosen = (hubness.UNCHOSEN, [])
    if validation is not None:
        chosen = hubness.choose_weights(validation, pool(validation, "validation"))
    return _compare(manifest, pool(manifest, split), chosen)


@dataclasses.dataclass(frozen=True)
class _FirstStage:
    """The contrastive view of a pool, and what chose its settings.

    Attributes:
        found: ranks and scores.
        vectors: of the pool.
        judges: scores the validation pool; None where there is none.
        judged: its corrected scores by task.
    """

    found: _Compared
    vectors: Vectors
    judges: Optional[inference.Scorer] = None
    judged: Optional[Dict[str, Cosines]] = None


def _first_stage(
    networks: Networks, config: Config, records: RecordSet, manifest: Manifest,
    scorer: inference.Scorer, validation: Manifest | None,
) -> _FirstStage:
    logging.info("contrastive view of %d pairs", len(manifest.image_ids))
    bank = inference.bank_vectors(networks, config, records, hubness.BANK)
    scale, vectors = float(networks.contrastive.scale), scorer.vectors()
    pool = Hubness(vectors, bank, scale)
    if validation is None:
        return _FirstStage(_compare(manifest, pool, (hubness.UNCHOSEN, [])), vectors)
    pairs = inference.load_split(records, config, "validation")
    pairs = align(pairs, validation, "the validation split")
    judges = inference.Scorer(networks, pairs, config.data.text_lengths)
    judged = Hubness(judges.vectors(), bank, scale)
    chosen = hubness.choose_weights(validation, judged)
    return _FirstStage(
        _compare(manifest, pool, chosen), vectors, judges, judged.correct(chosen[0])
    )


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
        seed: of the lists on validation that choose weights.
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
        "image_to_image": {"queries": 0}, "chosen_on_itself": split == "validation",
    }
    if split == "validation":
        logging.warning(
            "Shares and weights are chosen on the split that is measured: its figures "
            "are a little too high."
        )
    ranks: Dict[str, Dict[str, Ranks]] = {}
    validation = _draw_validation(records, seed)
    if floor_workdir:
        # First: what cannot be had should not cost the scores.
        floor = Floor(records, config, floor_workdir)
        found = _compare_floor(floor, records, manifest, split, validation)
        ranks.update(zip(FLOORS, (found.plain, found.corrected)))
    shown, first = np.arange(len(manifest.queries)), None
    if "contrastive" in active:
        first = _first_stage(networks, config, records, manifest, scorer, validation)
        ranks.update(contrastive=first.found.plain, corrected=first.found.corrected)
        results.update(first.found.settings)
        keys = (pool.arrays["product_key"], pool.arrays["picture_key"])
        results["image_to_image"] = image_to_image(
            first.vectors[0], manifest.queries, *keys
        )
        listed = manifest.candidates[0]
        shown_scores = {
            task: first.found.scores[task].pairs(
                *as_pairs(task, manifest.queries, listed)
            )
            for task in tasks
        }
        primary = "corrected"
    if "itm" in active:
        # Whoever is asked by a manifest is asked the same: no matter what model,
        # scorer or seed, and the few are among the many.
        some = _some(manifest, match_queries)
        whole = _some(manifest, whole_list_queries)
        if first is None:
            shown, primary = whole, "itm"
            ranks["itm"], shown_scores = _match_only(manifest, scorer, shown)
        else:
            weight, tried = 1.0, []
            if validation is not None:
                weight, tried = _choose_match_weight(
                    validation, first, _some(validation, weight_queries)
                )
            results["weight"], results["weights_tried"] = weight, tried
            places = np.flatnonzero(np.isin(some, whole))
            ranks.update(
                _two_stage(manifest, scorer, first.found.scores, some, places, weight)
            )
            # Figures of a few queries are no headline.
            if len(some) == len(manifest.queries):
                primary = "both"
    figures = {
        name: scorer_figures(manifest, found, pool.strings["subcategory"])
        for name, found in ranks.items()
    }
    if "both" in ranks:
        for task, found in ranks["both"].items():
            # The first stage's figures of the same queries, to compare with.
            same = ranks["corrected"][task].lists[:, found.queries]
            figures["both"][task]["corrected_on_these"] = of_draws(same)
    if floor_workdir:
        for name in FLOORS:
            results[name] = figures.pop(name)
    results.update(
        scorers=figures, primary=primary,
        **{task: figures[primary][task] for task in tasks},
    )
    pages = {
        task: sample_queries(manifest, shown, shown_scores[task], pool)
        for task in tasks
    }
    return Retrieval(results, pages, ranks)


def _some(manifest: Manifest, wanted: int) -> np.ndarray:
    """Returns as many of a manifest's queries, int [wanted], ascending; 0 for all."""
    count = len(manifest.queries)
    if not wanted or wanted >= count:
        return np.arange(count)
    rng = np.random.default_rng(int(manifest.fingerprint, 16))
    return np.sort(rng.permutation(count)[:wanted])


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


def _choose_match_weight(manifest, first, queries):
    """Chooses ITM's weight on some queries of validation."""
    logging.info("choosing ITM's weight on %d validation queries", len(queries))
    return retrieval.choose_weight(
        [
            retrieval.TwoStage(
                manifest, task, first.judged[task], first.judges.match_logits, queries
            )
            for task in retrieval.TASKS
        ]
    )


def _two_stage(
    manifest, scorer, first_stage, some, whole, weight
) -> Dict[str, Dict[str, Ranks]]:
    ranks: Dict[str, Dict[str, Ranks]] = {"itm": {}, "reranked": {}, "both": {}}
    for task in retrieval.TASKS:
        logging.info(
            "%s: ITM on short lists of %d queries and whole lists of %d",
            task, len(some), len(whole),
        )
        stage = retrieval.TwoStage(
            manifest, task, first_stage[task], scorer.match_logits, some, whole,
            galleries=True,
        )
        ranks["itm"][task] = stage.match_alone()
        ranks["reranked"][task] = stage.ranks(None)
        ranks["both"][task] = stage.ranks(weight)
    return ranks
