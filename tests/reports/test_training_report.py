"""Accuracy of guessing, and what a run's figures are summed up to."""

import pytest

from kaleido.reports.training_report import summarize_tasks, task_chances


@pytest.mark.parametrize(
    "batch, replicas, grey, blank",
    [(64, 1, 1 / 101, 1 / 101), (64, 8, 1 / 16, 1 / 24), (40, 1, 1 / 80, 1 / 101)],
)
def test_features_are_told_from_at_most_a_hundred_others(batch, replicas, grey, blank):
    chances = task_chances(batch, 0.1, {"grey": 2, "blank": 3}, replicas)
    assert chances["grey"] == pytest.approx(grey)
    assert chances["blank"] == pytest.approx(blank)
    assert chances["contrastive"] == 1 / batch and chances["mlm"] == 0.1


def test_fewer_examples_than_replicas_have_a_chance_all_the_same():
    chances = task_chances(3, 0.1, {"grey": 2}, replicas=8)
    assert chances["grey"] == 1 / 2 and chances["contrastive"] == 1 / 3


def test_the_summary_goes_from_the_first_validation_to_the_last():
    lines = [
        {"step": 0, "val_itm_loss": 0.7, "val_itm_accuracy": 0.5},
        {"step": 2, "val_itm_loss": 0.4, "val_itm_accuracy": 0.8, "itm_loss": 0.1},
        {"step": 4, "val_itm_loss": 0.5, "val_itm_accuracy": 0.7},
    ]
    assert summarize_tasks(lines, {"itm": 0.5}) == {
        "itm": {
            "loss_first": 0.7, "loss_last": 0.5, "accuracy_first": 0.5,
            "accuracy": 0.7, "chance": 0.5,
        }
    }
