"""Preset `base`, as kaleido/config.py has it.

python -m experiments.pretrain --config=experiments/configs/base.py \
    --records=RECORDS --workdir=WORKDIR
"""

from kaleido.config import preset


def get_config():
    return preset("base").to_config_dict()
