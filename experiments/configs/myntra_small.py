"""Myntra, 9,495 training products: a quarter of an hour on two CPU cores.

python -m tfrecords.build --catalog=table --catalog_path=$KALEIDO_DATA/data/myntra \\
    --crop_size=96 --whole_crop_size=224 --output=runs/myntra/records
python -m experiments.pretrain --config=experiments/configs/myntra_small.py \\
    --records=runs/myntra/records --workdir=runs/myntra/small
python -m experiments.evaluate --records=runs/myntra/records \\
    --workdir=runs/myntra/small --output=runs/myntra/small_test.json

Time: records 17 minutes; training 14 minutes 54 seconds (320 steps of .9 seconds,
190 of 2.8, six validations); evaluation 22 minutes beside other work.

Result before features were brought to zero mean and unit variance and hubs corrected;
on test, looked at once (1,179 products, 101 candidates, 5 draws, Rank@1/5/10
in percent; ITM alone: 200 queries, one draw):
                    image to text     text to image
  contrastive       56.5/86.9/94.1    61.6/87.6/94.9
  re-ranked by ITM  55.7/86.0/93.7    61.3/87.3/94.8
  ITM alone         56.0/84.0/92.5    60.0/86.5/93.0
  ridge map         44.8/74.7/84.9    51.5/81.9/90.2
Both scores together: validation chose weight 0 for ITM. Contrastive on validation:
56.3/86.9/94.0, 58.1/88.4/95.8.
Validation, loss before the first step and at the end, accuracy (chance):
  masked language   6.65 -> 4.08      .319 (.050)
  matching           .38 ->  .20      .942 (.5)
  rotation          1.39 ->  .67      .676 (.25)
  jigsaw            3.19 -> 1.64      .356 (.042)
  camouflage        1.79 ->  .41      .889 (.111)
  grey to colour     .783 -> .744     .183 (.010)
  blank to colour    .934 -> .874     .074 (.010)
"""

from kaleido.presets import alignment_first, preset


def get_config():
    config = preset("small").to_config_dict()
    config.model.patch_dropout = 0.5
    config.training.steps = 510
    config.training.learning_rate = 2e-4
    config.training.eval_every = 85
    alignment_first(config, 320)
    # Their heads began as closed forms for an encoder that has moved since.
    config.training.rates.grey = config.training.rates.blank = 5.0
    return config
