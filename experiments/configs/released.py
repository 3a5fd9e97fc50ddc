"""Preset `released`, as kaleido/config.py has it.

python -m experiments.pretrain --config=experiments/configs/released.py \
    --records=RECORDS --workdir=WORKDIR
"""

from kaleido.config import preset


def get_config():
    return preset("released").to_config_dict()
