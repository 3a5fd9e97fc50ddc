"""Rendered catalogue, about 1,900 training pairs, two CPU cores (`make quickstart`)."""

from kaleido.config import preset


def get_config():
    config = preset("small").to_config_dict()
    config.data.batch_size = 32
    config.data.group_size = 8
    config.training.steps = 300
    config.training.warmup_steps = 20
    config.training.eval_every = 50
    config.tasks.contrastive.start_step = 0
    for task in ("mlm", "itm", "rotation", "jigsaw", "camouflage", "grey", "blank"):
        config.tasks[task].start_step = 100
    return config
