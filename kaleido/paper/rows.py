"""What is pre-trained for each row of the paper's tables.

Tables 2 and 3 compare whole models; Table 4 takes the model apart: patches, masks,
pre-training tasks.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Sequence, Tuple

from kaleido.config import PAPER_TASKS
from kaleido.run_grid import folder_of

_B = ("itm", "mlm")
_PICTURE_TASKS = ("rotation", "jigsaw", "camouflage", "grey", "blank")
# What can be asked of patches of one scale.
_FIXED_TASKS = (*_B, "blank")


@dataclasses.dataclass(frozen=True)
class Row:
    """One pre-training.

    Attributes:
        name: as the paper's tables print it.
        layout, saliency, masking: of its records, see `tfrecords.build`.
        tasks: of pre-training, the paper's.
        fashionbert: whether the network is FashionBERT's, not ours.
    """

    name: str
    layout: str = "kaleido"
    saliency: str = "unet"
    masking: str = "agm"
    tasks: Tuple[str, ...] = PAPER_TASKS
    fashionbert: bool = False

    @property
    def folder(self) -> str:
        """The name as that of a folder."""
        return folder_of(self.name)

    @property
    def records(self) -> str:
        """Name of the folder of its records, which rows that are alike share."""
        return "_".join((self.layout, self.saliency, self.masking))


OURS = Row("Kaleido-BERT")
FASHIONBERT = Row("FashionBERT", "grid8", "none", "random", _FIXED_TASKS, True)
TABLES_2_AND_3: Sequence[Row] = (FASHIONBERT, OURS)

# Alignments are of levels that a fixed grid has not: its masks are drawn at random.
SCALE_FIXED = Row("scale-fixed", "grid8", "none", "random", _FIXED_TASKS)
KALEIDO = Row("kaleido", saliency="none")
RANDOM_MASKING = Row("random masking", masking="random")
# B is matching and masked words; I to V are the picture's own tasks, in this order.
B = Row("B", tasks=_B)
B_TO_IV = tuple(
    Row(name, tasks=(*_B, *_PICTURE_TASKS[:count]))
    for count, name in enumerate(("B+I", "B+I-II", "B+I-III", "B+I-IV"), 1)
)
B_AND_V = Row("B+V", tasks=(*_B, "blank"))

# By comparison, pairs (label, row): the whole model is in each, under the label that
# the paper gives it there.
TABLE_4: Dict[str, List[Tuple[str, Row]]] = {
    "Patches": [
        ("scale-fixed", SCALE_FIXED), ("kaleido", KALEIDO), ("kaleido + saliency", OURS)
    ],
    "Masking": [("random masking", RANDOM_MASKING), ("AGM", OURS)],
    "Tasks": [
        (B.name, B), *((row.name, row) for row in B_TO_IV), ("B+I-V", OURS),
        (B_AND_V.name, B_AND_V),
    ],
}
ROWS: Dict[str, Row] = {
    row.folder: row
    for row in (
        FASHIONBERT, OURS, SCALE_FIXED, KALEIDO, RANDOM_MASKING, B, *B_TO_IV, B_AND_V
    )
}
