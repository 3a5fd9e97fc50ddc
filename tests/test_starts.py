"""Is pre-training worth it? Steps, figures and the page, by hand."""

import pytest

from kaleido import starts
from kaleido.presets import preset
from kaleido.reports.starts_report import starts_markdown, starts_page
from kaleido.run_grid import summarize


def test_rows_have_folders_of_their_own():
    folders = [row.folder for row in starts.ROWS]
    assert len(set(folders)) == len(folders) == 17
    assert starts.FINETUNED[0].name == "itr, pretrained"


def test_ours_is_no_rival():
    assert not any(row.trained for row in starts.UNTRAINED)
    assert not starts.OURS.config and all(row.config for row in starts.RIVALS)


def test_only_who_has_nothing_else_is_asked_many_whole_lists():
    assert starts.whole_lists(preset("fashionbert")) >= 200
    for name in ("small", "two_tower"):
        assert starts.whole_lists(preset(name)) == 1
    ranked = {"itm_itr": 20.0, "itm_queries": 1, "both_itr": 30.0}
    assert starts.shown_figures(ranked) == ranked
    with_cosines = {**ranked, "contrastive_itr": 25.0}
    assert starts.shown_figures(with_cosines) == {
        "both_itr": 30.0, "contrastive_itr": 25.0
    }


def test_a_rival_trains_for_as_long_as_we_did():
    lines = [
        {"step": 0, "seconds": 0.0},
        {"step": 10, "seconds": 45.0},  # graphs are built
        {"step": 20, "seconds": 65.0},
    ]
    assert starts.equal_steps(lines, 1000.0) == 500
    assert starts.equal_steps(lines, 0.1) == 1
    with pytest.raises(ValueError, match="Received: 2 lines"):
        starts.equal_steps(lines[:2], 1000.0)


def test_the_page_shows_the_rows_that_are_done():
    runs = {
        "itr, pretrained": [
            {"contrastive_itr": 50.0, "corrected_queries": 1166},
            {"contrastive_itr": 52.0, "corrected_queries": 1166},
        ],
        "two towers": [{"contrastive_itr": 40.0, "pretraining_seconds": 89.6}],
    }
    report = {
        "seeds": ["0", "1"], "rival_seeds": ["7"], "left_out": ["FashionBERT"],
        "split": "test", "short_lists": 40,
        "rows": {name: summarize(figures) for name, figures in runs.items()},
        "command": "python -m experiments.starts --seeds=0,1",
    }
    page = starts_page(report)
    assert "<td>itr, pretrained</td><td>2</td><td>51.0 ± 1.4</td>" in page
    assert "<td>two towers</td><td>1</td><td>40.0</td>" in page
    assert report["command"] in page
    lines = starts_markdown(report).splitlines()
    ours, = [line for line in lines if line.startswith("| itr, pretrained | 2 |")]
    assert ours.startswith("| itr, pretrained | 2 | 51.0 ± 1.4 | – |")
    bars = {line.count("|") for line in lines if line.startswith("|")}
    assert len(bars) == 1 and report["command"] in lines
    assert "itr, random" not in page and "Captions" not in page
    # How many were asked is a count.
    assert " 1166 |" in ours and "<td>1166</td>" in page
    note = " ".join(" ".join(lines).split())
    assert "With each seed (0, 1) ours is pre-trained" in note
    assert "two towers and FashionBERT are pre-trained with 7;" in note
    towers, = [line for line in lines if line.startswith("| two towers | 1 |")]
    assert towers.endswith(" 90 |")
    assert "Left out: FashionBERT, which needs --grid_records" in note
    assert "a standard error of up to 3.5 points" in note
    whole = starts_markdown({**report, "left_out": []})
    assert "Left out" not in whole
    alone = starts_markdown({**report, "rival_seeds": []})
    assert "Left out: FashionBERT, since --rival_seeds is empty" in alone
