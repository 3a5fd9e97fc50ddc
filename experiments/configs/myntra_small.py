"""Myntra, 9,495 training products, preset `small`, two CPU cores."""

from kaleido.config import preset


def get_config():
    config = preset("small").to_config_dict()
    config.training.steps = 260
    config.training.warmup_steps = 20
    config.training.eval_every = 65
    return config
