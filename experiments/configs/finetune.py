"""What a fine-tuning of the `small` preset starts from; its argument is the task.

python -m experiments.finetune --task=subcategory --checkpoint=runs/shop/model \\
    --records=runs/shop/records --workdir=runs/shop/subcategory
"""

from kaleido.finetuning_config import default_finetuning


def get_config(task):
    return default_finetuning(task).to_config_dict()
