"""The pre-training of a row of the paper's tables; its argument is SCALE/ROW.

Scales: smoke, small, paper. Rows: kaleido_bert, fashionbert, scale_fixed, kaleido,
random_masking, b, b_i, b_i_ii, b_i_iii, b_i_iv, b_v. What `experiments.paper` calls:

python -m experiments.pretrain --config=experiments/configs/paper.py:small/b_i \\
    --records=runs/paper/records/kaleido_unet_agm --workdir=runs/paper/b_i
"""

from kaleido.config import check_choice
from kaleido.paper.rows import ROWS
from kaleido.paper.scales import SCALES, pretraining_config


def get_config(argument="small/kaleido_bert"):
    scale, _, row = argument.partition("/")
    check_choice("the scale", scale, tuple(SCALES))
    check_choice("the row", row, tuple(ROWS))
    return pretraining_config(SCALES[scale], ROWS[row]).to_config_dict()
