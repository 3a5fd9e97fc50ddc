"""What an evaluation reports, with scorers whose ranks are known."""

import types

import numpy as np
import pytest

from kaleido import evaluation, inference, retrieval
from kaleido.floor import Floor
from kaleido.manifest import draw_manifest
from tests import tiny_records

NETWORKS = types.SimpleNamespace(contrastive=types.SimpleNamespace(scale=5.0))
ROWS = 40
SCORERS = {"contrastive", "corrected", "itm", "reranked", "both"}


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    return tiny_records.write_tiny_records(folder, 8, validation=40, test=ROWS)


@pytest.fixture(scope="module")
def manifest(record_set):
    pairs = inference.load_ids_and_keys(record_set, "test")
    # The pool is sorted: test_10 stands before test_2, unlike in the records.
    return draw_manifest(**pairs, draws=2, candidates=21, gallery=25)


@pytest.fixture(scope="module")
def split(record_set):
    return inference.load_split(record_set, tiny_records.tiny_config(), "test")


@pytest.fixture(autouse=True)
def no_bank(monkeypatch):
    """Scorers whose ranks are known have no hubs to correct."""
    none = np.zeros((0, 1), np.float32)
    monkeypatch.setattr(inference, "bank_vectors", lambda *_: (none, none))


class ByText:
    """Knows every text by heart: equal texts have equal vectors, others differ."""

    def __init__(self, networks, split, text_lengths):
        del networks, text_lengths
        _, code = np.unique(split.strings["text"], return_inverse=True)
        self._vectors = np.eye(len(code), dtype=np.float32)[code]
        self.right = self._vectors @ self._vectors.T > 0.5
        self.sign, self.asked = 1.0, 0

    def vectors(self):
        return self._vectors, self._vectors

    def match_logits(self, images, texts):
        self.asked += len(images)
        return self.sign * np.where(self.right[images, texts], 3.0, -3.0)


class Liar(ByText):
    """Its match logit is the higher, the more it is wrong."""

    def __init__(self, *args):
        super().__init__(*args)
        self.sign = -1.0


def evaluate(record_set, manifest, tasks=("itm", "contrastive"), **options):
    config = tiny_records.tiny_config(
        tasks={t: {"weight": 1.0, "start_step": 0} for t in tasks}
    )
    return evaluation.evaluate_retrieval(
        NETWORKS, config, record_set, manifest, **options
    )


def test_a_scorer_that_knows_is_always_right(record_set, manifest, monkeypatch):
    monkeypatch.setattr(inference, "Scorer", ByText)
    found = evaluate(record_set, manifest)
    results = found.results
    assert results["primary"] == "both"
    assert set(results["scorers"]) == SCORERS
    assert results["hubness_weights"] == {"itr": 0.0, "tir": 0.0}
    for task in retrieval.TASKS:
        assert results[task] == results["scorers"]["both"][task]
        for scorer in results["scorers"].values():
            assert scorer[task]["rank_at_1"] == 1.0
        for scorer in ("contrastive", "reranked", "both"):
            figures = results["scorers"][scorer][task]
            assert figures["full"]["rank_at_1"] == 1.0
            assert list(figures["by_candidates"]) == ["21", "25", "full"]
            assert len(figures["by_draw"]) == 2
        assert list(results["scorers"]["itm"][task]["by_candidates"]) == ["21"]
        assert all(page["rank"] == 1 for page in found.pages[task])
    assert results["scorers"]["both"]["sum_of_ranks"] == 600.0
    for task in retrieval.TASKS:
        assert sum(r["right"] for r in found.pages[task][0]["results"]) == 1
    assert results["manifest"]["fingerprint"] == manifest.fingerprint
    sums = results["scorers"]["both"]["sum_of_ranks_by_candidates"]
    assert sums == {"21": 600.0, "25": 600.0, "full": 600.0}
    # Every fifth product has a second picture. Two of these eight, 13 and 18, share
    # their text with another product: a tie, which counts against them.
    assert results["image_to_image"] == {
        "queries": 16, "rank_at_1": 0.75, "rank_at_5": 1.0, "rank_at_10": 1.0,
        "median_rank": 1.0,
    }


def test_a_lying_cross_encoder_gets_no_weight(record_set, manifest, monkeypatch):
    monkeypatch.setattr(inference, "Scorer", Liar)
    results = evaluate(record_set, manifest, match_queries=10).results
    assert results["weight"] == 0.0
    for task in retrieval.TASKS:
        assert results["scorers"]["itm"][task]["rank_at_10"] == 0.0
        assert results["scorers"]["reranked"][task]["rank_at_1"] == 0.0
        assert results["scorers"]["both"][task]["rank_at_1"] == 1.0
        assert results["scorers"]["both"][task]["queries"] == 10
        compared = results["scorers"]["both"][task]["corrected_on_these"]
        assert compared["rank_at_1"] == 1.0
        assert results["scorers"]["contrastive"][task]["queries"] == ROWS


@pytest.mark.parametrize("task, others, scorers", [
    ("itm", (), ("itm",)),
    ("contrastive", ("mlm",), ("corrected", "contrastive")),
])
def test_a_model_is_judged_by_the_tasks_it_was_trained_on(
    record_set, manifest, monkeypatch, task, others, scorers
):
    monkeypatch.setattr(inference, "Scorer", ByText)
    found = evaluate(record_set, manifest, (task, *others), whole_list_queries=7)
    assert found.results["primary"] == scorers[0]
    assert set(found.results["scorers"]) == set(scorers)
    assert found.results["itr"]["rank_at_1"] == 1.0
    assert found.results["itr"]["std"] == 0.0
    if task == "itm":
        assert found.results["itr"]["queries"] == 7
    for page in found.pages.values():
        assert page and all(query["rank"] == 1 for query in page)


def test_the_same_seed_gives_the_same_results(record_set, manifest, monkeypatch):
    class Random(ByText):
        def match_logits(self, images, texts):
            return np.sin(1000.0 * images + 77.0 * texts)

    monkeypatch.setattr(inference, "Scorer", Random)
    options = {"match_queries": 15, "whole_list_queries": 9, "weight_queries": 12}
    one = evaluate(record_set, manifest, seed=3, **options).results
    assert one == evaluate(record_set, manifest, seed=3, **options).results


def test_a_manifest_asks_everybody_the_same(record_set, manifest, monkeypatch):
    monkeypatch.setattr(inference, "Scorer", ByText)
    both = evaluate(
        record_set, manifest, match_queries=15, whole_list_queries=6, seed=1
    ).ranks
    alone = evaluate(record_set, manifest, ("itm",), whole_list_queries=6).ranks
    for task in retrieval.TASKS:
        few = alone["itm"][task].queries
        assert len(few) == 6 and (few == both["itm"][task].queries).all()
        assert set(few) < set(both["both"][task].queries)


def test_the_floor_may_come_in_another_order_and_with_more_pairs(manifest, split):
    ids = ["more", *split.strings["image_id"]]
    rows = np.arange(float(len(ids)))[:, None]
    images, texts = evaluation.in_pool_order(manifest, (rows, -rows), ids)
    place = [ids.index(image_id) for image_id in manifest.image_ids]
    assert images.ravel().tolist() == (-texts).ravel().tolist() == place


def test_the_floor_stands_beside_the_scorers(record_set, manifest, split, monkeypatch):
    class ByHeart:
        """A floor that knows every text, and a bank of one pair."""

        def __init__(self, *_):
            pass

        def vectors(self, name, every=1):
            pairs = inference.load_split(record_set, tiny_records.tiny_config(), name)
            _, code = np.unique(pairs.strings["text"], return_inverse=True)
            known = np.eye(64, dtype=np.float32)[code]
            ids = pairs.strings["image_id"]
            return (known[:1], known[:1]) if name == "train" else (known, known), ids

    monkeypatch.setattr(inference, "Scorer", Liar)
    monkeypatch.setattr(evaluation, "Floor", ByHeart)
    found = evaluate(record_set, manifest, floor_workdir="anywhere")
    assert "floor" not in found.results["scorers"]
    assert found.results["floor"]["sum_of_ranks"] == 600.0
    assert found.results["floor"]["itr"]["full"]["rank_at_1"] == 1.0
    assert found.results["floor_corrected"]["itr"]["full"]["rank_at_1"] == 1.0
    # Every query's rank by every scorer, as it was counted.
    assert set(found.ranks) == SCORERS | {"floor", "floor_corrected"}
    assert (found.ranks["floor"]["tir"].full == 1).all()
    assert found.ranks["reranked"]["itr"].larger.shape == (2, ROWS)
    wrong = found.ranks["reranked"]["itr"].lists
    expected = found.results["scorers"]["reranked"]["itr"]["rank_at_10"]
    assert expected == round(float((wrong <= 10).mean()), 4) < 1.0


# 15 s: MiniLM reads two small splits.
@pytest.mark.slow
@pytest.mark.parametrize("layout, size", [("kaleido", 32), ("grid8", 64)])
def test_any_run_has_a_floor(tmp_path, minilm_file, layout, size):
    """Also one of another vocabulary, of another layout, without contrastive."""
    spec = tiny_records.tiny_spec(layout=layout)
    records = tiny_records.write_tiny_records(
        str(tmp_path / "records"), train=60, validation=20, test=20, spec=spec
    )
    config = tiny_records.tiny_config(
        model={
            "hidden_size": size, "shortcut_levels": (), "word_size": 0,
            "similarity_path": False,
        },
        tasks={"itm": {"weight": 1.0, "start_step": 0}},
    )
    floor = Floor(records, config, str(tmp_path))
    (images, texts), ids = floor.vectors("test")
    similarity = images @ texts.T
    assert similarity.shape == (20, 20) and len(ids) == 20
    assert np.abs(similarity).max() <= 1.0 + 1e-5
    (some, _), some_ids = floor.vectors("test", every=3)
    np.testing.assert_allclose(some, images[::3], atol=1e-5)
    assert some_ids == ids[::3]
    # Features are a function of the words: better than chance by far.
    assert (similarity.argmax(1) == np.arange(20)).mean() > 0.2


# 10 s: MiniLM reads small splits.
@pytest.mark.slow
def test_a_floor_is_fitted_on_the_records_that_are_measured(tmp_path, minilm_file):
    """A run may be measured on other records than its own, one after the other."""
    config = tiny_records.tiny_config()
    maps = []
    for name, count in (("one", 24), ("other", 32), ("one", 24)):
        records = tiny_records.write_tiny_records(
            str(tmp_path / name), train=count, validation=12, test=12
        )
        maps.append(Floor(records, config, str(tmp_path / "run"))._ridge.image_kernel)
    assert (maps[0] == maps[2]).all() and (maps[0] != maps[1]).any()
    assert len(list((tmp_path / "run").glob("floor_*/ridge_map.npz"))) == 2


def test_a_run_that_scores_no_pairs_is_refused(record_set, manifest):
    with pytest.raises(ValueError, match="neither.*mlm"):
        evaluate(record_set, manifest, ("mlm",))
