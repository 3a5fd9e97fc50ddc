"""Preset `tiny`, as kaleido/config.py has it.

python -m experiments.pretrain --config=experiments/configs/tiny.py \
    --records=RECORDS --workdir=WORKDIR
"""

from kaleido.config import preset


def get_config():
    return preset("tiny").to_config_dict()
