"""Preset `fashionbert`, as kaleido/config.py has it.

python -m experiments.pretrain --config=experiments/configs/fashionbert.py \
    --records=RECORDS --workdir=WORKDIR
"""

from kaleido.config import preset


def get_config():
    return preset("fashionbert").to_config_dict()
