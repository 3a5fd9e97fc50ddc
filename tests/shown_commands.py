"""Commands that pages show, and what the binaries' help knows of their flags."""

import functools
import pathlib
import re
import shlex
import subprocess
import sys

from kaleido.finetuning_config import default_finetuning
from kaleido.presets import preset

ROOT = pathlib.Path(__file__).resolve().parent.parent


def blocks(page, language=""):
    """The code blocks of a page that are in a language."""
    found, block = [], None
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.startswith("```"):
            if block is not None:
                block.append(line)
        elif block is None:
            block, name = [], line[3:].strip()
        else:
            if name == language:
                found.append("".join(block))
            block = None
    return found


def commands(page):
    """Pairs (module, arguments) of all `python -m` commands in a page's blocks."""
    found = []
    for block in blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[1:2] == ["-m"] and words[0].endswith("python"):
                found.append((words[2], words[3:]))
    return found


@functools.lru_cache(maxsize=None)
def help_of(module):
    """What a binary says of its flags."""
    return subprocess.run(
        [sys.executable, "-m", module, "--helpfull"], cwd=ROOT, text=True,
        capture_output=True, check=False,
    ).stdout


def knows(module, flag):
    """Whether a binary has a flag; of configurations, whether the field is there."""
    name = flag.lstrip("-").split("=")[0]
    if name.startswith("config."):
        tunes = module == "experiments.finetune"
        config = default_finetuning("itr") if tunes else preset("small")
        found = config.to_dict()
        for part in name.split(".")[1:]:
            if part not in found:
                return False
            found = found[part]
        return True
    # absl begins a line with `--flag:`, or `--[no]flag:` for a boolean. The help also
    # holds the binary's docstring, whose example may show a flag that is gone.
    asked = rf"(\[no\])?{name}"
    if name.startswith("no"):
        asked = rf"({asked}|\[no\]{name[2:]})"
    line = re.compile(rf"^\s*(-\w,)?--{asked}:", re.MULTILINE)
    return line.search(help_of(module)) is not None


def unknown_flags(calls):
    """Flags that binaries were called with and do not have.

    Args:
        calls: lines "module argument argument ...".
    """
    return [
        (module, argument)
        for module, *arguments in map(str.split, calls)
        for argument in arguments
        if not knows(module, argument)
    ]
