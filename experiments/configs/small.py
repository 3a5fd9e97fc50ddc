"""Preset `small`, as kaleido/config.py has it.

python -m experiments.pretrain --config=experiments/configs/small.py \
    --records=RECORDS --workdir=WORKDIR
"""

from kaleido.config import preset


def get_config():
    return preset("small").to_config_dict()
