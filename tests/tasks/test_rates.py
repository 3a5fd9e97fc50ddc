"""Heads that begin from nothing learn faster than what they stand on."""

import pytest

from kaleido.finetuning_config import default_finetuning
from tests import tiny_records
from tests.tasks.tiny_tasks import make_task


@pytest.mark.parametrize(
    "task, changes, head",
    [
        ("subcategory", {}, "classifier"),
        ("caption", {"context": "nearest"}, "copying"),
    ],
)
def test_heads_learn_at_the_rate_that_has_their_name(tmp_path, task, changes, head):
    records = tiny_records.write_tiny_records(str(tmp_path), train=16, validation=8)
    made = make_task(task, records, **changes)
    wanted = default_finetuning(task).training.rates[head]
    rates = {made.optimizer._rate(v) for v in getattr(made, head).trainable_variables}
    assert rates == {wanted} and wanted > 1
    assert {made.optimizer._rate(v) for v in made.joint.trainable_variables} == {1.0}
