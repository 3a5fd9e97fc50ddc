"""Which flags a binary's help knows."""

import pytest

from tests import shown_commands

HELP = """Does what the paper does.

Example:
  python -m experiments.made_up --gone=1 --nosuch --records=runs/shop/records \\
      --gone=2

flags:

experiments.made_up:
  --[no]floor: Also evaluates --records: the map that --gone: was of.
    (default: 'true')
  --records: Folder of `tfrecords.build`.
  -v,--verbosity: Logging verbosity level.
    (an integer)
"""


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    monkeypatch.setattr(shown_commands, "help_of", lambda module: HELP)


@pytest.mark.parametrize(
    "flag", ["--records=x", "--floor", "--nofloor", "--floor=false", "--verbosity=1"]
)
def test_what_is_there(flag):
    assert shown_commands.knows("experiments.made_up", flag)


@pytest.mark.parametrize(
    "flag",
    # Shown by the example, named in another's help, a part of a name, no boolean.
    ["--gone=1", "--nosuch", "--such", "--record", "--cords", "--norecords"],
)
def test_what_is_not(flag):
    assert not shown_commands.knows("experiments.made_up", flag)


def test_calls_with_flags_that_are_gone_are_named():
    calls = [
        "experiments.made_up --records=x --nofloor",
        "experiments.pretrain --config.training.steps=3 --config.training.step=3",
        "experiments.made_up --gone=1",
    ]
    assert shown_commands.unknown_flags(calls) == [
        ("experiments.pretrain", "--config.training.step=3"),
        ("experiments.made_up", "--gone=1"),
    ]
