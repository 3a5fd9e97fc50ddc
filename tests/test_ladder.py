"""Means and spreads of the ladder, by hand."""

import pytest

from kaleido import ladder, run_grid
from kaleido.reports.ladder_report import ladder_page


def test_mean_and_spread_over_seeds():
    summary = run_grid.summarize([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 2.0}])
    assert summary["a"] == {"mean": 2.0, "std": pytest.approx(2**0.5, abs=1e-4),
                            "runs": 2}
    assert summary["b"]["std"] == 0.0
    assert run_grid.summarize([{"a": 1.0}])["a"]["std"] is None
    # METEOR, say, which one machine could not measure.
    some = run_grid.summarize([{"a": 1.0}, {"a": 2.0, "c": 4.0}])
    assert some["a"]["runs"] == 2 and some["c"] == {"mean": 4.0, "std": None, "runs": 1}


def test_rungs_have_folders_of_their_own_and_the_papers_order():
    folders = [rung.folder for rung in ladder.RUNGS]
    assert len(set(folders)) == 5 and all(f.isidentifier() for f in folders)
    assert [rung.needs_captioner for rung in ladder.RUNGS] == [
        False, False, False, True, True,
    ]


class FakeRuns:
    """Runs that give the place of the call as their figure."""

    def __init__(self, output, crop_size=64, weights="old"):
        self.output, self.calls, self.reused = str(output), [], ()
        self._crop_size, self._weights = crop_size, weights

    def made_of(self, rung, seed):
        own = {"saliency": rung.saliency, "reused": seed in self.reused}
        if rung.saliency == "unet":
            own["saliency_weights"] = self._weights
        return run_grid.MadeOf({"crop_size": self._crop_size}, own)

    def run(self, rung, seed, workdir):
        assert workdir == f"{self.output}/{rung.folder}/seed_{seed}"
        self.calls.append((rung.name, seed))
        return {"sum_of_ranks": float(len(self.calls))}

    def climb(self, *places, seeds=("0", "1")):
        rungs = [ladder.RUNGS[place] for place in places]
        return list(
            run_grid.run_grid(
                self.output, ladder.RUNGS, rungs, seeds, self.made_of, self.run,
                ladder.WEIGHTS,
            )
        )


def test_what_is_done_is_not_done_again_and_stands_beside_the_rest(tmp_path):
    first, second = FakeRuns(tmp_path), FakeRuns(tmp_path)
    first.climb(2, seeds=["1"])
    found = second.climb(0, 2)
    bottom, unet = ladder.RUNGS[0].name, ladder.RUNGS[2].name
    assert second.calls == [(bottom, "0"), (unet, "0"), (bottom, "1")]
    assert list(found[0]) == [bottom, unet]  # from the first run on, bottom first
    values = {k: [f["sum_of_ranks"] for f in v] for k, v in found[-1].items()}
    assert values == {bottom: [1.0, 3.0], unet: [2.0, 1.0]}
    # Of other seeds nothing is shown.
    assert run_grid.read_runs(str(tmp_path), ladder.RUNGS, ["7"]) == {}


def test_nothing_to_run_is_no_error(tmp_path):
    assert FakeRuns(tmp_path).climb() == []


def test_a_run_that_was_stopped_left_nothing_and_is_done_again(tmp_path):
    runs = FakeRuns(tmp_path)
    steps = run_grid.run_grid(
        str(tmp_path), ladder.RUNGS, ladder.RUNGS[:2], ["0"], runs.made_of, runs.run
    )
    next(steps)
    again = FakeRuns(tmp_path)
    again.climb(0, 1, seeds=["0"])
    assert again.calls == [(ladder.RUNGS[1].name, "0")]


def test_seeds_may_be_made_of_different_things(tmp_path):
    runs = FakeRuns(tmp_path)
    runs.reused = ("1",)
    runs.climb(0, seeds=["1"])
    runs.climb(0, seeds=["0"])
    runs.reused = ("0", "1")
    with pytest.raises(ValueError, match="seed_0.*reused: False there, True asked"):
        runs.climb(0, seeds=["2"])


def test_other_settings_and_other_weights_are_refused_before_anything_runs(tmp_path):
    FakeRuns(tmp_path).climb(0, 2)
    for other, rung, what in (
        (FakeRuns(tmp_path, crop_size=32), 0, "crop_size: 64 there, 32 asked"),
        # Another rung's figures would stand in the same table.
        (FakeRuns(tmp_path, crop_size=32), 1, "crop_size: 64 there, 32 asked"),
        (FakeRuns(tmp_path, weights="new"), 2, "weights: 'old' there, 'new' asked"),
        # Two rungs of two networks would tell more than what the upper one adds.
        (FakeRuns(tmp_path, weights="new"), 3, "weights: 'old' there, 'new' asked"),
    ):
        with pytest.raises(ValueError, match=f"seed_0.json is of another.*{what}"):
            other.climb(rung)
        assert other.calls == []
        # Nor do other seeds of the same rung come from elsewhere.
        with pytest.raises(ValueError, match=what):
            other.climb(rung, seeds=["7"])
    # A rung without the weights does not mind new ones.
    FakeRuns(tmp_path, weights="new").climb(1)


def test_the_page_says_how_many_runs_a_row_has(tmp_path):
    FakeRuns(tmp_path).climb(0)
    FakeRuns(tmp_path).climb(2, seeds=["1"])
    runs = run_grid.read_runs(str(tmp_path), ladder.RUNGS, ["0", "1"])
    summaries = {name: run_grid.summarize(figures) for name, figures in runs.items()}
    page = ladder_page({"seeds": ["0", "1"], "rungs": summaries})
    assert f"<td>{ladder.RUNGS[0].name}</td><td>2</td>" in page
    assert f"<td>{ladder.RUNGS[2].name}</td><td>1</td>" in page
    assert "1.500 ± 0.707" in page


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
