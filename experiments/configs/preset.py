"""A preset of kaleido/config.py as it stands, by name.

python -m experiments.pretrain --config=experiments/configs/preset.py:paper \\
    --records=RECORDS --workdir=WORKDIR
"""

from kaleido.presets import preset


def get_config(name="small"):
    return preset(name).to_config_dict()
