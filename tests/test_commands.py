"""Which commands made a folder: those of what it was made from, then its own."""

import sys
import types

import pytest

from kaleido import commands
from kaleido.files import read_json


@pytest.fixture
def started(monkeypatch):
    """Makes this process one that a command has started."""

    def start(module, *arguments):
        monkeypatch.setattr(sys, "argv", [f"/somewhere/{module}.py", *arguments])
        main = types.SimpleNamespace(__spec__=types.SimpleNamespace(name=module))
        monkeypatch.setitem(sys.modules, "__main__", main)

    return start


def test_a_folder_names_all_commands_before_its_own(started, tmp_path):
    records, model, task = (str(tmp_path / n) for n in ("records", "model", "task"))
    started("tfrecords.build", "--images=my photos", f"--output={records}")
    # Records without a captioner are made from nothing.
    commands.note_commands(records, "", str(tmp_path / "not there"))
    started("experiments.pretrain", "--steps=3")
    commands.note_commands(model, records)
    started("experiments.finetune", "--task=itr")
    commands.note_commands(task, model, records)
    expected = [
        f"python -m tfrecords.build '--images=my photos' --output={records}",
        "python -m experiments.pretrain --steps=3",
        "python -m experiments.finetune --task=itr",
    ]
    assert read_json(str(tmp_path / "task" / "commands.json")) == expected
    # Measured by itself, and once more: nothing stands twice.
    assert commands.commands_so_far(task) == expected
    started("experiments.evaluate")
    assert commands.commands_so_far(task) == [
        *expected, "python -m experiments.evaluate"
    ]


def test_a_program_that_is_no_module_is_called_by_its_file(monkeypatch):
    main = types.SimpleNamespace(__spec__=None)
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(sys, "argv", ["tool.py", "a b"])
    assert commands.command_line() == "python tool.py 'a b'"


def test_a_path_to_the_data_holds_on_any_machine(started, monkeypatch):
    started("tfrecords.build", "--catalog_path=/disk/data/myntra")
    monkeypatch.setenv("KALEIDO_DATA", "/disk/data")
    expected = "python -m tfrecords.build --catalog_path=$KALEIDO_DATA/myntra"
    assert commands.command_line() == expected
    monkeypatch.delenv("KALEIDO_DATA")
    assert commands.command_line() == expected.replace("$KALEIDO_DATA", "/disk/data")
