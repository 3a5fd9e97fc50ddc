"""Preset `paper`, as kaleido/config.py has it.

python -m experiments.pretrain --config=experiments/configs/paper.py \
    --records=RECORDS --workdir=WORKDIR
"""

from kaleido.config import preset


def get_config():
    return preset("paper").to_config_dict()
