"""Myntra, 9,495 training products: the recipe of a night.

python -m tfrecords.build --catalog=table --catalog_path=$KALEIDO_DATA/data/myntra \\
    --crop_size=96 --whole_crop_size=224 --output=runs/myntra/records
python -m experiments.pretrain --config=experiments/configs/myntra_night.py \\
    --records=runs/myntra/records --workdir=runs/myntra/night
"""

from kaleido.config import preset


def get_config():
    config = preset("small").to_config_dict()
    # Half of the patches hidden: what keeps a long run from learning by heart.
    config.model.patch_dropout = 0.5
    config.model.word_dropout = 0.3
    config.model.shortcut_dropout = 0.3
    config.training.steps = 2600
    config.training.learning_rate = 2e-4
    config.training.warmup_steps = 100
    config.training.eval_every = 200
    # Alignment first, at a third of the cost of a step of all tasks.
    for task in config.tasks:
        if task != "contrastive":
            config.tasks[task].start_step = 2000
    return config
