"""Rendered catalogue, about 1,900 training pairs, two CPU cores (`make quickstart`)."""

from kaleido.config import preset


def get_config():
    config = preset("small").to_config_dict()
    config.data.batch_size = 32
    config.data.group_size = 8
    config.training.steps = 200
    config.training.learning_rate = 2e-4
    config.training.warmup_steps = 20
    config.training.eval_every = 50
    return config
