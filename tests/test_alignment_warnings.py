"""Captions and alignments that are all alike are said to be."""

import pytest

from kaleido.alignment_warnings import alignment_warnings


def shard(captions=100, commonest=0, places=(10,) * 9):
    return {
        "captions": captions, "commonest_captions": commonest,
        "aligned_places": list(places),
    }


@pytest.mark.parametrize(
    "sidecars, said",
    [
        ([], []),
        ([shard(), shard(commonest=79)], []),
        # Older versions did not count.
        ([{}, shard()], []),
        # 162 of 200.
        ([shard(commonest=81), shard(commonest=81)], ["162 of 200 generated captions"]),
        ([shard(captions=0, places=(0,) * 9)], []),
        # No shard alone decides: of 190 words 100 are in the middle.
        ([shard(places=(0, 0, 0, 0, 90, 0, 0, 0, 0)), shard()], []),
        ([shard(places=(0, 2, 0, 0, 98, 0, 0, 0, 0))], ["98 % of the aligned words"]),
        (
            [shard(commonest=90, places=(9, 0, 0, 0, 0, 0, 0, 0, 0))],
            ["90 of 100", "100 % of the aligned words"],
        ),
    ],
)
def test_what_is_alike_is_said(sidecars, said):
    warnings = alignment_warnings(sidecars)
    assert len(warnings) == len(said)
    assert all(part in warning for part, warning in zip(said, warnings))
