"""Figures of a run, flat."""

from kaleido.flat_figures import retrieval_run, task_run


def test_figures_are_flat_and_in_percent():
    def scorer(first):
        ranks = {"rank_at_1": first, "rank_at_5": 0.75, "rank_at_10": 1.0, "queries": 9}
        task = {**ranks, "full": {"rank_at_1": first / 2}}
        return {"itr": task, "tir": ranks, "sum_of_ranks": 300.0}

    results = {"scorers": {"contrastive": scorer(0.5)}, "floor": scorer(0.25)}
    some = {"scorers": {"both": scorer(0.5)}}
    some["scorers"]["both"]["itr"]["corrected_on_these"] = {"rank_at_1": 0.25}
    assert retrieval_run(some)["both_itr_before"] == 25
    others = {"itr_5": 75, "itr_10": 100, "tir_5": 75, "tir_10": 100}
    assert retrieval_run(results) == {
        "contrastive_itr": 50, "contrastive_itr_all": 25, "contrastive_tir": 50,
        "contrastive_sum_of_ranks": 300, "floor_itr": 25, "floor_itr_all": 12.5,
        "floor_tir": 25, "floor_sum_of_ranks": 300,
        "contrastive_queries": 9, "floor_queries": 9,
        **{f"contrastive_{name}": value for name, value in others.items()},
        **{f"floor_{name}": value for name, value in others.items()},
    }
    rows = [
        {"name": "greedy", "cider": 0.5, "meteor": None, "tokenizer": "ptb", "n": 9},
        {"name": "frequent", "cider": 0.25},
    ]
    assert task_run({"rows": rows}) == {
        "greedy_cider": 0.5, "frequent_cider": 0.25,
    }
