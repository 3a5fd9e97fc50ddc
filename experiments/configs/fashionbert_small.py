"""FashionBERT at the size of the `small` preset, from the same text encoder.

What stands beside ours in `experiments.starts`; records of `--layout=grid8`.

python -m experiments.pretrain --config=experiments/configs/fashionbert_small.py \\
    --records=runs/myntra/records_grid8 --workdir=runs/myntra/fashionbert
"""

from kaleido.presets import fashionbert_sized, preset


def get_config():
    return fashionbert_sized(preset("small")).to_config_dict()
