"""The commands that made a folder, oldest first, for whoever makes it again."""

from __future__ import annotations

import os
import shlex
import sys
from typing import List

from kaleido.files import read_json, write_json


def command_line() -> str:
    """Returns the command that started this process, as a shell takes it.

    Where the data of the README lies differs from one machine to the next: paths in it
    are written by the variable.
    """
    spec = sys.modules["__main__"].__spec__
    program = ["python", "-m", spec.name] if spec else ["python", sys.argv[0]]
    command = shlex.join([*program, *sys.argv[1:]])
    data = os.environ.get("KALEIDO_DATA")
    return command.replace(data, "$KALEIDO_DATA") if data else command


def commands_of(*folders: str) -> List[str]:
    """Returns the commands that made the folders.

    What is no folder of ours, or was made before commands were noted, adds nothing.
    """
    commands: List[str] = []
    for folder in folders:
        path = _path(folder)
        if folder and os.path.exists(path):
            commands += read_json(path)
    return list(dict.fromkeys(commands))


def commands_so_far(*folders: str) -> List[str]:
    """Returns `commands_of` the folders, and this process's at the end."""
    return list(dict.fromkeys([*commands_of(*folders), command_line()]))


def note_commands(directory: str, *made_from: str) -> None:
    """Writes into a folder which commands made it.

    Args:
        directory: what this process has made; `commands.json` is written.
        made_from: folders that it was made from.
    """
    write_json(_path(directory), commands_so_far(*made_from))


def _path(folder: str) -> str:
    return os.path.join(folder, "commands.json")
