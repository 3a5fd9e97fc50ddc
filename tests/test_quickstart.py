"""Quickstart's stages: each finds what it reads, and knows its flags."""

import pytest

from tests.shown_commands import unknown_flags
from tests.test_binaries import outcome, start


# 50 s of processor time: the help of six binaries.
@pytest.mark.slow
def test_stages_read_what_earlier_ones_wrote(tmp_path):
    code, _, errors = outcome(
        start("tests.quickstart_of_fakes", f"--output={tmp_path}")
    )
    assert code == 0, errors[-3000:]
    calls = (tmp_path / "calls.txt").read_text().splitlines()
    assert [call.split()[0].split(".")[1] for call in calls] == [
        "train_captioner", "build", "pretrain", "evaluate", "finetune", "publish"
    ]
    assert not unknown_flags(calls)
    # One seed for all that draws.
    drawn = [call for call in calls if "--seed=0" in call.split()]
    assert len(drawn) == 5
