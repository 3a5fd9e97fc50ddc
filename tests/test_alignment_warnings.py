"""Captions and alignments that are all alike are said to be."""

import pytest

from kaleido.alignment_warnings import alignment_warnings


def shard(captions=100, alike=0, caption="a", places=(10,) * 9):
    return {
        "captions": captions, "commonest_captions": {caption: alike, "other": 2},
        "aligned_places": list(places),
    }


MIDDLE = (0, 2, 0, 0, 98, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "sidecars, said",
    [
        ([], []),
        ([shard(), shard(alike=79)], []),
        # Older versions did not count.
        ([{}, shard()], []),
        # 162 of 200; but two captions in two shards are two.
        ([shard(alike=81), shard(alike=81)], ["162 of 200 generated captions"]),
        ([shard(alike=81), shard(alike=81, caption="b")], []),
        ([shard(captions=0, places=(0,) * 9)], []),
        # No shard alone decides: of 190 pieces 100 are in the middle.
        ([shard(places=(0, 0, 0, 0, 90, 0, 0, 0, 0)), shard()], []),
        ([shard(places=MIDDLE)], ["98 % of the aligned word pieces"]),
        ([shard(alike=90, places=MIDDLE)], ["90 of 100", "98 % of"]),
        # Of a few products nothing can be said.
        ([shard(captions=49, alike=49, places=(49, 0, 0, 0, 0, 0, 0, 0, 0))], []),
    ],
)
def test_what_is_alike_is_said(sidecars, said):
    warnings = alignment_warnings(sidecars)
    assert len(warnings) == len(said)
    assert all(part in warning for part, warning in zip(said, warnings))
