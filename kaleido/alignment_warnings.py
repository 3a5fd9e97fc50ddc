"""Says of finished shards whether their alignments tell anything of the pictures."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping

import numpy as np

# A network that has learnt something stays far below.
ALIKE = 0.8


def alignment_warnings(sidecars: Iterable[Mapping[str, Any]]) -> List[str]:
    """Finds captions and alignments that are the same whatever the picture shows.

    Args:
        sidecars: of `shards.write_shards`; those of older versions did not count.

    Returns:
        Sentences, none if all is well. Captions are compared within a shard.
    """
    sidecars = list(sidecars)
    captions, commonest = (
        sum(sidecar.get(name, 0) for sidecar in sidecars)
        for name in ("captions", "commonest_captions")
    )
    counts = [s["aligned_places"] for s in sidecars if "aligned_places" in s]
    places = np.sum(counts, axis=0) if counts else np.zeros(1, np.int64)
    warnings = []
    if commonest > ALIKE * captions:
        warnings.append(
            f"{commonest} of {captions} generated captions are one and the same: the "
            "captioner has learnt the texts and not the pictures. More products or "
            "epochs of experiments.train_captioner help."
        )
    if places.max() > ALIKE * places.sum():
        warnings.append(
            f"{100 * places.max() / places.sum():.0f} % of the aligned words point to "
            "one patch of level 3, whatever the picture shows: such alignments guide "
            "nothing. See the maps of the examples."
        )
    return warnings
