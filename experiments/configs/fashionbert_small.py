"""FashionBERT at the size of the `small` preset, from the same text encoder.

What stands beside ours in `experiments.starts`; records of `--layout=grid8`.

python -m experiments.pretrain --config=experiments/configs/fashionbert_small.py \\
    --records=runs/myntra/records_grid8 --workdir=runs/myntra/fashionbert
"""

import dataclasses

from kaleido.presets import preset


def get_config():
    small, fashionbert = preset("small"), preset("fashionbert")
    data = dataclasses.replace(small.data, layout=fashionbert.data.layout)
    taken = (
        "feature_norm", "hidden_size", "num_layers", "num_heads", "intermediate_size",
    )
    model = dataclasses.replace(
        fashionbert.model, **{name: getattr(small.model, name) for name in taken}
    )
    training = dataclasses.replace(
        small.training, ridge_warm_start=False, mined_negatives=0.0,
        aux_loss_on_negatives=False,
        rates={name: 5.0 for name in ("mlm", "mlm_bias", "itm", "patch_embedding")},
    )
    config = dataclasses.replace(
        fashionbert, model=model, data=data, training=training
    )
    return config.to_config_dict()
