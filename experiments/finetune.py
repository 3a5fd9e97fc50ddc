r"""Fine-tunes a pre-trained run on a downstream task, and says what it is worth.

Writes into WORKDIR: `results.json` with the figures of the split, baselines beside
them; `results.html` and `results.cases.json` with right and wrong cases;
`results.outcomes.npz` for `experiments.report`; and `training.html`. What another split
than `test` gives is called `results.<split>.json`. What was stopped goes on where it
was. The weights are those that validation chose.

Examples:
  python -m experiments.finetune --task=subcategory --checkpoint=runs/shop/model \
      --records=runs/shop/records --workdir=runs/shop/subcategory
  python -m experiments.finetune --task=itr --checkpoint=runs/shop/model \
      --config.training.steps=300 --records=runs/shop/records --workdir=runs/shop/itr
"""

from __future__ import annotations

import dataclasses
import re

from absl import app, flags
from ml_collections import config_flags

from kaleido import finetuning_config
from kaleido.cli import beside_binary, fail_clearly, parse_config_flags

FLAGS = flags.FLAGS

flags.DEFINE_enum(
    "task", None, finetuning_config.TASKS, "What is learnt.", required=True
)
flags.DEFINE_string(
    "checkpoint", None, "Folder of the pre-training.", required=True
)
flags.DEFINE_string("records", None, "Folder of `tfrecords.build`.", required=True)
flags.DEFINE_string("workdir", None, "Folder of the fine-tuning.", required=True)
flags.DEFINE_enum(
    "start", None, finetuning_config.STARTS,
    "Weights to begin with: the run's (pretrained, the default); what it began with "
    "(closed_forms); of its kind, but with its text encoder alone; random.",
)
flags.DEFINE_enum(
    "inputs", None, finetuning_config.INPUTS,
    "What a classifier sees; default: both.",
)
flags.DEFINE_enum(
    "balance", None, finetuning_config.BALANCES,
    "Answer to classes of unlike sizes: logit adjustment by their shares; default: "
    "none.",
)
flags.DEFINE_enum(
    "context", None, finetuning_config.CONTEXTS,
    "What a caption may copy from: the text of the most similar picture of training; "
    "default: none.",
)
flags.DEFINE_bool(
    "closed_forms", None,
    "Of classes and captions: what closed forms know has a say, where the pre-training "
    "began with such; default: true.",
)
flags.DEFINE_bool(
    "probe", None,
    "Of classes: begins with the linear classifier that fits the [CLS] states as they "
    "are, in place of a random one; default: true.",
)
flags.DEFINE_string("split", "test", "Split that is evaluated.")
flags.DEFINE_string(
    "manifest", "", "File of `experiments.make_manifest`; default: drawn."
)
flags.DEFINE_integer(
    "match_queries", 0,
    "Of itr and tir, queries whose short lists the match head re-ranks; 0 for all.",
    lower_bound=0,
)
flags.DEFINE_integer(
    "whole_list_queries", 200,
    "Of itr and tir, queries of which the match head alone scores whole lists; 0 for "
    "all.",
    lower_bound=0,
)
flags.DEFINE_integer(
    "weight_queries", 200,
    "Of itr and tir, validation queries that choose the match head's weight.",
    lower_bound=1,
)
flags.DEFINE_bool(
    "baselines", True, "Also evaluates what the task stands beside: of itr and tir the "
    "ridge map, of classes nearest pictures and TF-IDF, of captions those of others.",
)
# A flag that nobody reads should not be taken for one that counts.
_OF_RANKS = ("manifest", "match_queries", "whole_list_queries", "weight_queries")
flags.DEFINE_integer(
    "seed", None, "Seed of everything random, instead of the config's."
)
config_flags.DEFINE_config_file(
    "config", None, "Python file with get_config(); default: experiments/configs/"
    "finetune.py. Any field can be set as --config.section.field=value.",
)
flags.DEFINE_enum(
    "strategy", "one_device", ("one_device", "mirrored"), "tf.distribute strategy."
)
flags.DEFINE_bool(
    "jit_compile", None, "XLA; default: on where there is a GPU."
)


@fail_clearly
def main(argv):
    del argv
    from kaleido import distribution, records, workdir
    from kaleido.commands import note_commands
    from kaleido.finetuning import finetune, task_class
    from kaleido.pools import read_manifest
    from kaleido.retrieval_results import write_retrieval_results
    from kaleido.task_results import results_path, write_task_results

    record_set = records.open_records(FLAGS.records)
    record_set.require_split(FLAGS.split)
    run = workdir.read_run(FLAGS.checkpoint)
    ranks = FLAGS.task in finetuning_config.RETRIEVAL_TASKS
    unread = [name for name in _OF_RANKS if FLAGS[name].present and not ranks]
    if unread:
        raise ValueError(
            f"--{unread[0]} is of itr and tir. Received: --task={FLAGS.task}"
        )
    if FLAGS.manifest:
        # The evaluation takes it; a wrong one should not cost the training.
        read_manifest(FLAGS.manifest, record_set, FLAGS.split)
    task_class(FLAGS.task).check_split(FLAGS.task, record_set, FLAGS.split)
    # Fields of the configuration, which counts where no flag is given.
    given = {name: getattr(FLAGS, name) for name in finetuning_config.RECIPE}
    given = {name: value for name, value in given.items() if value is not None}
    config = finetuning_config.FinetuningConfig.from_dict(
        {**FLAGS.config.to_dict(), "task": FLAGS.task, **given}
    )
    if FLAGS.seed is not None:
        config = dataclasses.replace(
            config, training=dataclasses.replace(config.training, seed=FLAGS.seed)
        )
    task = finetune(
        config, run, FLAGS.checkpoint, record_set, FLAGS.workdir,
        distribution.make_strategy(FLAGS.strategy),
        distribution.compiles(FLAGS.jit_compile),
    )
    note_commands(FLAGS.workdir, FLAGS.checkpoint, FLAGS.records)
    if ranks:
        # Another seed trains anew, and is asked the same.
        write_retrieval_results(
            FLAGS.workdir, record_set, results_path(FLAGS.workdir, FLAGS.split),
            FLAGS.split, FLAGS.manifest, floor=FLAGS.baselines,
            match_queries=FLAGS.match_queries,
            whole_list_queries=FLAGS.whole_list_queries,
            weight_queries=FLAGS.weight_queries,
        )
    else:
        write_task_results(task, FLAGS.workdir, FLAGS.split, FLAGS.baselines)


def _parse_flags(argv):
    """Without a --config, takes that of the task, which another flag names."""
    given = re.search("^--?task[=\n](.*)", "\n".join(argv), re.MULTILINE)
    # Of another task the flag itself says what it takes.
    known = given and given.group(1) in finetuning_config.TASKS
    if known and not any(re.match("--?config(=|$)", a) for a in argv):
        config = beside_binary(__file__, "configs", "finetune.py")
        argv = [argv[0], f"--config={config}:{given.group(1)}", *argv[1:]]
    return parse_config_flags(argv)


if __name__ == "__main__":
    app.run(main, flags_parser=_parse_flags)
