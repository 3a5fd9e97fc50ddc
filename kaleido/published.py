"""Published figures on Fashion-Gen, to stand beside ours: marked, never compared.

The paper's Tables 2, 3 and 4. No two codes share a test set: figures of other protocols
say how hard a task was, not who is better.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, Mapping, Optional, Tuple

_PAPER = "arXiv 2103.16110, Table {}"
_LISTS = "Fashion-Gen, 101 candidates of one sub-category"
# Later papers: each of its own code and lists.
_LATER = "its own paper"
_AS_REPORTED = "Fashion-Gen, as reported there"


@dataclasses.dataclass(frozen=True)
class PublishedRetrieval:
    """A row of Table 2, percent.

    Attributes:
        model: its name.
        itr, tir: Rank@1, 5, 10; None where a source gives Rank@1 alone.
        source, protocol: where the figures stand, and what was asked.
        whole: Rank@1 of ITR and TIR of the full gallery, where there are any.
    """

    model: str
    itr: Tuple[float, Optional[float], Optional[float]]
    tir: Tuple[float, Optional[float], Optional[float]]
    source: str
    protocol: str
    whole: Tuple[Optional[float], Optional[float]] = (None, None)

    @property
    def sum_of_ranks(self) -> Optional[float]:
        """SumR, None where a rank is missing."""
        ranks = (*self.itr, *self.tir)
        return None if None in ranks else round(sum(ranks), 2)


@dataclasses.dataclass(frozen=True)
class PublishedTask:
    """A row of Table 3: accuracies in percent, macro-F, caption figures times 100.

    Attributes:
        model: its name.
        category, subcategory: accuracy and macro-F, None where there are none.
        captions: BLEU-4, METEOR, ROUGE-L, CIDEr; None where there are none.
        source: where the figures stand.
        caption_protocol: how captions were scored.
    """

    model: str
    category: Optional[Tuple[float, float]]
    subcategory: Optional[Tuple[float, float]]
    captions: Optional[Tuple[Optional[float], ...]]
    source: str
    caption_protocol: str = "Fashion-Gen"


def _of_table_2(model, itr, tir):
    return PublishedRetrieval(model, itr, tir, _PAPER.format(2), _LISTS)


def _first_alone(model, itr, tir, whole=(None, None)):
    return PublishedRetrieval(
        model, (itr, None, None), (tir, None, None), _LATER, _AS_REPORTED, whole
    )


RETRIEVAL = (
    _of_table_2("VSE", (4.01, 11.03, 22.14), (4.35, 12.76, 20.91)),
    _of_table_2("VSE++", (4.59, 14.99, 24.10), (4.60, 16.89, 28.99)),
    _of_table_2("SCAN", (4.59, 16.50, 26.60), (4.30, 13.00, 22.30)),
    _of_table_2("PFAN", (4.29, 14.90, 24.20), (6.20, 20.79, 31.52)),
    _of_table_2("ViLBERT", (20.97, 40.49, 48.21), (21.12, 37.23, 50.11)),
    _of_table_2("VLBERT", (19.26, 39.90, 46.05), (22.63, 36.48, 48.52)),
    _of_table_2("FashionBERT", (23.96, 46.31, 52.12), (26.75, 46.48, 55.74)),
    _of_table_2("ImageBERT", (22.76, 41.89, 50.77), (24.78, 45.20, 55.90)),
    _of_table_2("OSCAR", (23.39, 44.67, 52.55), (25.10, 49.14, 56.68)),
    _of_table_2("Kaleido-BERT", (27.99, 60.09, 68.37), (33.88, 60.60, 68.59)),
    _first_alone("MVLT", 33.1, 34.6),
    _first_alone("EI-CLIP", 38.7, 40.1),
    _first_alone("CommerceMM", 41.6, 39.6),
    _first_alone("ALBEF", 64.0, 60.5),
    _first_alone("FashionViL", 65.54, 61.88),
    _first_alone("FAME-ViL", 65.94, 62.86),
    _first_alone("FashionSAP", 73.14, 70.12, (54.43, 62.83)),
)

_TABLE_3 = _PAPER.format(3)
TASKS = (
    PublishedTask(
        "FashionBERT", (91.25, 0.705), (85.27, 0.620), (3.30, 9.80, 29.7, 30.1),
        _TABLE_3,
    ),
    PublishedTask("ImageBERT", (90.77, 0.699), (80.11, 0.575), None, _TABLE_3),
    PublishedTask(
        "OSCAR", (91.79, 0.727), (84.23, 0.591), (4.50, 10.9, 30.1, 30.7), _TABLE_3
    ),
    PublishedTask(
        "Kaleido-BERT", (95.07, 0.714), (88.07, 0.636), (5.70, 12.8, 32.9, 32.6),
        _TABLE_3,
    ),
    PublishedTask("MVLT", (98.26, 0.895), (93.57, 0.829), None, _LATER),
    PublishedTask(
        "FAME-ViL", None, (94.67, 0.882), (30.73, None, None, None), _LATER,
        "Fashion-Gen, other text preparation",
    ),
    PublishedTask("FashionViL", None, None, (16.18, 25.60, 37.23, 39.30), _LATER),
)


_ABLATION_COLUMNS = ("ITR @1", "TIR @1", "SumR", "SumCLS", "SumCAP")


def _ablation(*figures: float) -> Dict[str, float]:
    return dict(zip(_ABLATION_COLUMNS, figures))


# Table 4, by row. Of all tasks SumR is 319.02 there, 319.52 in Table 2.
ABLATIONS: Mapping[str, Mapping[str, float]] = {
    "scale-fixed": _ablation(24.71, 30.17, 276.97, 313.43, 76.6),
    "kaleido": _ablation(26.73, 32.19, 303.80, 314.96, 79.7),
    "kaleido + saliency": _ablation(27.99, 33.88, 319.52, 318.14, 84.0),
    "random masking": _ablation(26.55, 32.14, 299.50, 314.31, 78.6),
    "AGM": _ablation(27.99, 33.88, 319.52, 318.14, 84.0),
    "B": _ablation(25.37, 31.09, 295.70, 297.40, 77.9),
    "B+I": _ablation(25.07, 30.98, 297.18, 298.77, 79.0),
    "B+I-II": _ablation(26.03, 32.22, 300.82, 307.54, 79.2),
    "B+I-III": _ablation(26.88, 33.17, 312.65, 315.30, 81.6),
    "B+I-IV": _ablation(26.20, 33.80, 316.10, 316.88, 83.4),
    "B+I-V": _ablation(27.99, 33.88, 319.02, 318.14, 84.0),
    "B+V": _ablation(24.62, 30.77, 287.70, 300.21, 78.6),
}
