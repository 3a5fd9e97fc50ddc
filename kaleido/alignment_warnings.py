"""Says of finished shards whether their alignments tell anything of the pictures."""

from __future__ import annotations

import collections
from typing import Any, Iterable, List, Mapping

import numpy as np

# A network that has learnt something stays far below: on Myntra 29 % of the word
# pieces point to one patch.
ALIKE = 0.8
# Of fewer, nothing can be said.
LEAST = 50


def alignment_warnings(sidecars: Iterable[Mapping[str, Any]]) -> List[str]:
    """Finds captions and alignments that are the same whatever the picture shows.

    Args:
        sidecars: of `shards.write_shards`; those of older versions did not count.

    Returns:
        Sentences, none if all is well or there are fewer than `LEAST`.
    """
    captions, places = 0, np.zeros(1, np.int64)
    commonest: collections.Counter = collections.Counter()
    for sidecar in sidecars:
        captions += sidecar.get("captions", 0)
        commonest.update(sidecar.get("commonest_captions", {}))
        places = places + np.array(sidecar.get("aligned_places", 0))
    warnings = []
    alike = max(commonest.values(), default=0)
    if captions >= LEAST and alike > ALIKE * captions:
        warnings.append(
            f"{alike} of {captions} generated captions are one and the same: the "
            "captioner has learnt the texts and not the pictures. More products or "
            "epochs of experiments.train_captioner help."
        )
    if places.sum() >= LEAST and places.max() > ALIKE * places.sum():
        warnings.append(
            f"{100 * places.max() / places.sum():.0f} % of the aligned word pieces "
            "point to one patch of level 3, whatever the picture shows, and guide "
            "nothing. See the maps of the examples."
        )
    return warnings
