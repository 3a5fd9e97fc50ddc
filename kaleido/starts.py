"""Is pre-training worth it? Rows and figures of the comparison of starts."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Dict, List, Mapping, Sequence, Tuple

from kaleido.config import Config
from kaleido.finetuning_config import BEAM_ROW, STARTS
from kaleido.run_grid import folder_of

TASKS = ("itr", "subcategory", "caption")


@dataclasses.dataclass(frozen=True)
class Start:
    """A task fine-tuned from one start.

    Attributes:
        task: one of `TASKS`.
        start: one of `finetuning_config.STARTS`.
        joined: whether closed forms of classes or words have a say; without them the
            network answers alone, from every start.
        trained: whether it is, or measured as it begins.
    """

    task: str
    start: str
    joined: bool = False
    trained: bool = True

    @property
    def name(self) -> str:
        """As tables print it."""
        begun = self.start == "closed_forms"
        joined = ", closed forms join" if self.joined and not begun else ""
        untrained = "" if self.trained else ", untrained"
        return f"{self.task}, {self.start}{joined}{untrained}"

    @property
    def folder(self) -> str:
        """The name as that of a folder."""
        return folder_of(self.name)


@dataclasses.dataclass(frozen=True)
class Rival:
    """A pre-trained model that is not fine-tuned: ours, or another for as long.

    Attributes:
        name: as tables print it.
        config: its configuration, FILE.py or FILE.py:ARGUMENT in
            `experiments/configs`; of ours, which a flag names, empty.
        layout: of the records that it is trained on.
        task: what it is asked.
    """

    task: ClassVar[str] = "itr"
    name: str
    config: str
    layout: str = "kaleido"

    @property
    def folder(self) -> str:
        """The name as that of a folder."""
        return folder_of(self.name)


OURS = Rival("ours, not fine-tuned", "")
# The closed forms that a pre-training begins with are of retrieval: [CLS] and the
# generator begin as from the text encoder.
_OF_OTHERS = tuple(start for start in STARTS if start != "closed_forms")
FINETUNED: Sequence[Start] = (
    *(Start("itr", start) for start in STARTS),
    *(Start("subcategory", start) for start in _OF_OTHERS),
    Start("subcategory", "pretrained", joined=True),
    *(Start("caption", start) for start in _OF_OTHERS),
    Start("caption", "pretrained", joined=True),
)
# Measured as they begin: no seed changes them.
UNTRAINED: Sequence[Start] = (
    Start("itr", "closed_forms", trained=False),
    Start("subcategory", "closed_forms", joined=True, trained=False),
)
RIVALS: Sequence[Rival] = (
    Rival("two towers", "preset.py:two_tower"),
    Rival("FashionBERT", "fashionbert_small.py", "grid8"),
)
ROWS: Sequence[Start | Rival] = (*FINETUNED, *UNTRAINED, OURS, *RIVALS)

# Queries of which the match head scores whole lists: a joint pass a candidate. It is
# asked many where nothing else ranks, of all draws; where the contrastive view does,
# one for form's sake, whose figures are not shown.
WHOLE_LISTS = 200
UNSHOWN_LISTS = 1
# Figure of what is pre-trained: how long its steps took.
PRETRAINING_SECONDS = "pretraining_seconds"


def whole_lists(config: Config) -> int:
    """Returns how many whole lists the match head of a configuration is asked."""
    ranks_by_cosine = "contrastive" in config.active_tasks()
    return UNSHOWN_LISTS if ranks_by_cosine else WHOLE_LISTS


def shown_figures(figures: Mapping[str, float]) -> Dict[str, float]:
    """Returns retrieval figures (`flat_figures.retrieval_run`) that mean something.

    Those of the match head alone are left out where it was asked `UNSHOWN_LISTS`.
    """
    few = "contrastive_itr" in figures
    return {
        name: value for name, value in figures.items()
        if not (few and name.startswith("itm_"))
    }


def equal_steps(lines: Sequence[Mapping[str, float]], seconds: float) -> int:
    """Returns how many steps a training makes in a time.

    Args:
        lines: of `metrics.jsonl` of its first steps; the rate is that of the last
            line, which no graph had to be built for.
        seconds: that it may train.

    Raises:
        ValueError: if there are fewer than three lines, that of step 0 included.
    """
    if len(lines) < 3:
        raise ValueError(
            "The rate of a training shows in its second validation. Received: "
            f"{len(lines)} lines"
        )
    before, last = lines[-2:]
    per_step = (last["seconds"] - before["seconds"]) / (last["step"] - before["step"])
    return max(int(seconds / per_step), 1)


def tables(
    summaries: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> List[Tuple[str, Sequence[str], List[Tuple[str, Mapping]]]]:
    """Sorts summaries into tables for a page.

    Args:
        summaries: of `run_grid.summarize`, by row.

    Returns:
        Of each table its title, its columns and its rows: pairs (name, figures).
    """
    wanted = {
        "Retrieval": (
            "itr",
            ("contrastive_itr", "contrastive_tir", "corrected_itr", "corrected_tir",
             "corrected_itr_all", "corrected_tir_all", "corrected_sum_of_ranks",
             "corrected_queries", "both_itr_before", "both_itr", "both_tir_before",
             "both_tir", "both_queries", "itm_itr", "itm_tir", "itm_queries",
             "floor_itr", "floor_tir", "floor_corrected_itr", "floor_corrected_tir",
             PRETRAINING_SECONDS),
        ),
        "Sub-category": (
            "subcategory",
            ("ours_accuracy", "ours_macro_f", "nearest_pictures_accuracy",
             "text_regression_accuracy"),
        ),
        "Captions": (
            "caption",
            (
                *(
                    f"{BEAM_ROW}_{figure}" for figure in
                    ("cider", "bleu_4", "meteor", "rouge_l", "named", "invented")
                ),
                "greedy_cider", "nearest_picture_cider", "frequent_cider",
                "show_attend_tell_cider",
            ),
        ),
    }
    made = []
    for title, (task, columns) in wanted.items():
        names = [row.name for row in ROWS if row.task == task]
        rows = [(name, summaries[name]) for name in names if name in summaries]
        if rows:
            made.append((title, columns, rows))
    return made
