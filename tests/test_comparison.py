"""Ranks by query as a file, and whether one scorer is better than another."""

import dataclasses

import numpy as np
import pytest

from kaleido.comparison import compare, load_outcomes, outcomes_path, save_outcomes
from kaleido.files import write_json
from kaleido.manifest import draw_manifest
from kaleido.metrics.bootstrap import paired_bootstrap
from kaleido.retrieval_figures import Ranks

ROWS, DRAWS = 40, 3


@pytest.fixture(scope="module")
def manifest():
    rows = np.arange(ROWS)
    return draw_manifest(
        [f"{i:02d}" for i in rows], rows, rows, rows, ["boots"] * ROWS,
        draws=DRAWS, candidates=11, gallery=30,
    )


def ranks_of(found_first, queries=None, draws=DRAWS):
    """Every draw and gallery: first for `found_first` queries, second for the rest."""
    queries = np.arange(ROWS) if queries is None else queries
    ranks = np.where(queries < found_first, 1, 2)
    several = np.tile(ranks, (draws, 1))
    return Ranks(queries, several, several, ranks)


def write(path, manifest, primary="contrastive", views=1, **scorers):
    """A results file and its ranks; both tasks alike; so many pictures a product."""
    ranks = {name: {"itr": r, "tir": r} for name, r in scorers.items()}
    products = {name: i // views for i, name in enumerate(manifest.image_ids)}
    write_json(str(path), {"manifest": manifest.summary(), "primary": primary})
    save_outcomes(str(path), manifest, ranks, products)
    return str(path)


def test_ranks_come_back_as_they_were(tmp_path, manifest):
    rng = np.random.default_rng(0)
    full = Ranks(
        np.arange(ROWS), rng.integers(1, 12, (DRAWS, ROWS)),
        rng.integers(1, 31, (DRAWS, ROWS)), rng.integers(1, 41, ROWS),
    )
    few = Ranks(np.array([3, 7]), np.array([[1, 9]]))
    path = write(tmp_path / "a.json", manifest, "both", both=full, itm=few)
    for scorer, expected in (("", full), ("both", full), ("itm", few)):
        found = load_outcomes(path, scorer)
        assert found.scorer == scorer or (scorer == "" and found.scorer == "both")
        for field in dataclasses.fields(Ranks):
            one = getattr(found.ranks["tir"], field.name)
            other = getattr(expected, field.name)
            assert (one is None) == (other is None)
            assert one is None or (one.dtype == np.int32 and (one == other).all())
    with np.load(outcomes_path(path)) as file:
        assert file["query_ids"].tolist() == list(manifest.image_ids)
        assert str(file["manifest"]) == manifest.fingerprint
        assert file["query_products"].tolist() == list(range(ROWS))


def test_a_run_does_not_differ_from_itself(tmp_path, manifest):
    path = write(tmp_path / "a.json", manifest, contrastive=ranks_of(25))
    found = compare(load_outcomes(path), load_outcomes(path))
    assert found["manifest"] == manifest.fingerprint
    for task in ("itr", "tir"):
        assert list(found[task]) == ["11", "30", "full"]
        for figures in found[task].values():
            assert figures == {
                "a": 62.5, "b": 62.5, "difference": 0.0, "low": 0.0, "high": 0.0,
                "p_value": 1.0, "queries": ROWS,
            }


def test_a_difference_in_points_by_hand_and_the_other_way_round(tmp_path, manifest):
    path = write(
        tmp_path / "a.json", manifest, both=ranks_of(30), contrastive=ranks_of(20)
    )
    a, b = load_outcomes(path, "both"), load_outcomes(path)
    found, back = compare(a, b)["itr"]["full"], compare(b, a)["itr"]["full"]
    assert (found["a"], found["b"], found["difference"]) == (75.0, 50.0, 25.0)
    expected = paired_bootstrap(np.arange(ROWS) < 30, np.arange(ROWS) < 20)
    assert found["low"] == pytest.approx(100 * expected["low"], abs=0.01)
    assert found["p_value"] == round(expected["p_value"], 5) < 0.01
    assert back["difference"] == -25.0 and back["p_value"] == found["p_value"]
    assert compare(a, b) == compare(a, b)


def test_views_of_one_product_are_one_witness(tmp_path, manifest):
    scorers = {"a": ranks_of(24), "b": ranks_of(20)}
    alone = write(tmp_path / "alone.json", manifest, **scorers)
    fours = write(tmp_path / "fours.json", manifest, views=4, **scorers)
    one, other = (
        compare(load_outcomes(path, "a"), load_outcomes(path, "b"))["itr"]["full"]
        for path in (alone, fours)
    )
    assert one["difference"] == other["difference"] == 10.0
    # Four pictures that one product has found are no four findings.
    assert other["p_value"] > 5 * one["p_value"]
    assert other["high"] - other["low"] > 1.5 * (one["high"] - one["low"])
    tested = paired_bootstrap(
        np.arange(ROWS) < 24, np.arange(ROWS) < 20, np.arange(ROWS) // 4
    )
    assert other["p_value"] == round(tested["p_value"], 5)


def test_draws_are_averaged_and_only_what_both_have_ranked_is_compared(
    tmp_path, manifest
):
    # First in one of three draws.
    one_of_three = np.full((DRAWS, ROWS), 5)
    one_of_three[1] = 1
    a = Ranks(np.arange(ROWS), one_of_three)
    # 20 to 39 are common, and half of them first.
    b = ranks_of(30, queries=np.arange(20, ROWS))
    path = write(tmp_path / "a.json", manifest, a=a, b=b, c=ranks_of(9, draws=1))
    found = compare(load_outcomes(path, "a"), load_outcomes(path, "b"))
    assert list(found["itr"]) == ["11"]
    figures = found["itr"]["11"]
    assert figures["queries"] == 20
    assert (figures["a"], figures["b"]) == (33.33, 50.0)
    # Of a scorer of one draw that draw alone is compared: there a finds none.
    figures = compare(load_outcomes(path, "a"), load_outcomes(path, "c"))["itr"]["11"]
    assert (figures["a"], figures["b"]) == (0.0, 22.5)


def test_what_cannot_be_compared_is_one_clear_error(tmp_path, manifest):
    path = write(tmp_path / "a.json", manifest, contrastive=ranks_of(20))
    changed = dataclasses.replace(manifest, keys="others")
    other = write(tmp_path / "b.json", changed, contrastive=ranks_of(20))
    with pytest.raises(ValueError, match="of one manifest.*a.json.*b.json"):
        compare(load_outcomes(path), load_outcomes(other))
    with pytest.raises(ValueError, match="has the scorers contrastive.*'both'"):
        load_outcomes(path, "both")
    apart = write(
        tmp_path / "c.json", manifest, a=ranks_of(3, np.array([1, 2])),
        b=ranks_of(3, np.array([5])),
    )
    with pytest.raises(ValueError, match="one query in common. Received: 2 and 1"):
        compare(load_outcomes(apart, "a"), load_outcomes(apart, "b"))
    write_json(path, {"manifest": changed.summary(), "primary": "contrastive"})
    with pytest.raises(ValueError, match="of another evaluation than.*a.json"):
        load_outcomes(path)
    alone, nothing = str(tmp_path / "d.json"), str(tmp_path / "e.json")
    write_json(alone, {"manifest": manifest.summary(), "primary": "contrastive"})
    with pytest.raises(ValueError, match="no ranks by query beside it"):
        load_outcomes(alone)
    write_json(nothing, {"figures": 1})
    with pytest.raises(ValueError, match="holds no results of experiments.evaluate"):
        load_outcomes(nothing)
