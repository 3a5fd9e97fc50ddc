"""The ladder of the paper's Table 4: what each part of Kaleido adds."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Mapping, Sequence

from kaleido.run_grid import folder_of


@dataclasses.dataclass(frozen=True)
class Rung:
    """One way to make records.

    Attributes:
        name: of the rung, as tables print it.
        saliency: one of `foreground.METHODS`.
        alignment: one of `alignment.METHODS`; it guides the masks where there is one.
    """

    name: str
    saliency: str
    alignment: str

    @property
    def folder(self) -> str:
        """The name as that of a folder."""
        return folder_of(self.name)

    @property
    def needs_captioner(self) -> bool:
        """Whether words are aligned."""
        return self.alignment != "none"


# Bottom first.
RUNGS: Sequence[Rung] = (
    Rung("whole picture, random masking", "none", "none"),
    Rung("border box, random masking", "border", "none"),
    Rung("U-Net box, random masking", "unet", "none"),
    Rung("U-Net box, AGM (generated)", "unet", "generated"),
    Rung("U-Net box, AGM (teacher-forced)", "unet", "teacher_forced"),
)

# Weights that all rungs share which have them.
WEIGHTS = ("captioner", "saliency_weights")


def run_figures(
    results: Mapping[str, Any], lines: List[Mapping[str, float]]
) -> Dict[str, float]:
    """Returns a run's figures, flat.

    Args:
        results: of `evaluation.evaluate_retrieval` on the validation split.
        lines: of the run's `metrics.jsonl`.

    Returns:
        `itr_rank_at_1` ... and `sum_of_ranks` of the contrastive view; `itm_...` of
        ITM alone; `floor_...` of the ridge map; `val_<task>_loss` and `_accuracy`
        at the end.
    """
    figures: Dict[str, float] = {}
    scorers = {
        "": results["scorers"]["contrastive"], "itm_": results["scorers"]["itm"],
        "floor_": results["floor"],
    }
    for prefix, scorer in scorers.items():
        for task in ("itr", "tir"):
            for k in (1, 5, 10):
                key = f"rank_at_{k}"
                figures[f"{prefix}{task}_{key}"] = 100 * scorer[task][key]
        figures[f"{prefix}sum_of_ranks"] = scorer["sum_of_ranks"]
    last = lines[-1]
    figures.update({k: v for k, v in last.items() if k.startswith("val_")})
    return figures
