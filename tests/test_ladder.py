"""Means and spreads of the ladder, by hand."""

import pytest

from kaleido import ladder
from kaleido.files import write_json


def test_mean_and_spread_over_seeds():
    summary = ladder.summarize([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 2.0}])
    assert summary["a"] == {"mean": 2.0, "std": pytest.approx(2**0.5, abs=1e-4),
                            "runs": 2}
    assert summary["b"]["std"] == 0.0
    assert ladder.summarize([{"a": 1.0}])["a"]["std"] is None


def test_rungs_have_folders_of_their_own_and_the_papers_order():
    folders = [ladder.rung_folder(rung) for rung in ladder.RUNGS]
    assert len(set(folders)) == 5 and all(f.isidentifier() for f in folders)
    assert [ladder.needs_captioner(rung) for rung in ladder.RUNGS] == [
        False, False, False, True, True,
    ]


def test_runs_that_are_done_are_found_whoever_made_them(tmp_path):
    rungs = list(ladder.RUNGS)
    for rung, seed, value in ((rungs[2], "1", 3.0), (rungs[0], "0", 1.0),
                              (rungs[2], "0", 2.0), (rungs[4], "7", 9.0)):
        write_json(
            ladder.figures_path(str(tmp_path), rung, seed),
            {"made_of": {}, "figures": {"a": value}},
        )
    assert ladder.read_runs(str(tmp_path), ["0", "1"]) == {
        rungs[0]: [{"a": 1.0}], rungs[2]: [{"a": 2.0}, {"a": 3.0}],
    }


def test_figures_of_a_run_are_flat_and_in_percent():
    def ranks(first):
        return {f"rank_at_{k}": first + k / 100 for k in (1, 5, 10)}

    def scorer(first):
        return {"itr": ranks(first), "tir": ranks(first + 0.1), "sum_of_ranks": first}

    results = {
        "scorers": {"contrastive": scorer(0.5), "itm": scorer(0.3)},
        "floor": scorer(0.2),
    }
    lines = [{"step": 1, "val_mlm_loss": 9.0}, {"step": 2, "val_mlm_loss": 4.0}]
    figures = ladder.run_figures(results, lines)
    assert figures["itr_rank_at_1"] == pytest.approx(51.0)
    assert figures["itm_tir_rank_at_10"] == pytest.approx(50.0)
    assert figures["floor_sum_of_ranks"] == 0.2 and figures["val_mlm_loss"] == 4.0
    assert "step" not in figures
