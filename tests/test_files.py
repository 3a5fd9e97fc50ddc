"""A folder is of one job; digests tell arrays apart."""

import numpy as np
import pytest

from kaleido.files import claim_folder, digest_arrays, read_json


def test_a_folder_belongs_to_one_job(tmp_path):
    folder = str(tmp_path / "new")
    job = {"seed": 1, "sizes": (3, 4), "gone": None}

    def claim(job):
        claim_folder(folder, job, "the pairs", ["*.npz", "done/*"])

    claim({"seed": 0})
    # Nothing came of it.
    claim(job)
    (tmp_path / "new" / "done").mkdir()
    claim({"seed": 0})
    claim(job)
    (tmp_path / "new" / "done" / "first").write_text("")
    claim(job)
    assert read_json(f"{folder}/job.json")["sizes"] == [3, 4]
    with pytest.raises(ValueError, match="holds the pairs .*seed: 1 there, 2 asked"):
        claim({**job, "seed": 2})
    with pytest.raises(ValueError, match="more: None there, 5 asked"):
        claim({**job, "more": 5})
    # The first job stays.
    claim(job)


def test_digests_see_values_shapes_and_types():
    first = np.arange(6, dtype=np.int32)
    others = (
        first + 1, first.reshape(2, 3), first.astype(np.int64), first[::-1],
        first.astype(np.float32),
    )
    found = {digest_arrays(a) for a in (first, *others)}
    assert len(found) == 6
    assert digest_arrays(first) == digest_arrays(first[::-1][::-1])
    assert digest_arrays(first, first) != digest_arrays(first)
