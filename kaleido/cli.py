"""What the binaries share: one clear line on bad input, and flag parsing."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
from typing import Callable, List, Sequence, Tuple

from absl import flags, logging
from ml_collections import config_flags


def fail_clearly(main: Callable) -> Callable:
    """Turns an error that bad input caused into one line and exit code 1.

    Errors of other types are bugs, and keep their traceback; `--verbosity=1`
    shows the traceback of these, too.
    """

    @functools.wraps(main)
    def wrapped(argv):
        try:
            return main(argv)
        except Exception as error:
            if not _is_input(error):
                raise
            logging.debug("where it was raised:", exc_info=True)
            print(f"ERROR: {_naming_the_flag(error)}", file=sys.stderr)
            sys.exit(1)

    return wrapped


def _is_input(error: Exception) -> bool:
    """Whether an error tells of files, flags or a missing extra, not of a bug."""
    # TensorFlow is not imported before the flags are known to be right.
    damaged = type(error).__name__ == "DataLossError"
    return damaged or isinstance(error, (ValueError, OSError, ImportError))


def _naming_the_flag(error: Exception) -> str:
    """What an error says, and of a file that is not there, which flag asked for it."""
    path = getattr(error, "filename", None)
    if not path:
        return str(error)
    given = flags.FLAGS.flag_values_dict() if flags.FLAGS.is_parsed() else {}
    # The longest stands last: one may name the file, another the folder around it.
    asked = sorted(
        (value, f"--{name}: ") for name, value in given.items()
        if isinstance(value, str) and value and str(path).startswith(value)
    )
    return f"{asked[-1][1] if asked else ''}{error.strerror}. Received: {path!r}"


def parse_config_flags(argv: Sequence[str]) -> List[str]:
    """Parses all flags, for `app.run(flags_parser=...)` of a binary with --config.

    A field that the configuration lacks, and a configuration that refuses its argument,
    are one line and exit code 1. Of the first the flags library raises an
    AttributeError or a KeyError, of the second a flag's error with a whole traceback in
    its text.
    """
    try:
        return flags.FLAGS(argv)
    except (AttributeError, KeyError) as error:
        # The first name is the field; after it the library guesses what was meant.
        field = re.search(r"\w+", str(error.args[0]).replace("\\n", " ")).group()
        named = re.compile(rf"--?config\..*{field}\b")
        asked = [a.split("=")[0] for a in argv if named.match(a)]
        print(
            f"ERROR: --config has no field {field!r}. Received: {', '.join(asked)}",
            file=sys.stderr,
        )
        sys.exit(1)
    except flags.Error as error:
        refused = re.search(r"^\s*ValueError: (.*)", str(error), re.MULTILINE)
        message = f"--config: {refused.group(1)}" if refused else (
            f"{error}\nPass --helpshort or --helpfull to see help on flags."
        )
        print(f"ERROR: {message}", file=sys.stderr)
        sys.exit(1)


def require_config_file(flag: flags.FlagHolder) -> None:
    """Looks for the file of a `DEFINE_config_file`, which is read when first used.

    Raises:
        ValueError: if the flag is not given, or there is no such file.
    """
    if flag.value is None:
        raise ValueError(
            f"--{flag.name}=FILE.py is missing; see experiments/configs/."
        )
    # `FILE.py:argument` hands the argument to the file's `get_config`.
    path = re.sub(r"\.py:.*", ".py", config_flags.get_config_filename(_flag(flag)))
    if not os.path.exists(path):
        raise ValueError(f"--{flag.name}: there is no file {path}.")


def config_arguments(flag: flags.FlagHolder) -> List[str]:
    """Returns a `DEFINE_config_file` and its fields as arguments of another binary."""
    overrides = config_flags.get_override_values(_flag(flag))
    return [
        f"--{flag.name}={config_flags.get_config_filename(_flag(flag))}",
        *(f"--{flag.name}.{field}={value}" for field, value in overrides.items()),
    ]


def _flag(holder):
    return flags.FLAGS[holder.name]


def parse_floats(flag: str, text: str, count: int) -> Tuple[float, ...]:
    """Parses `0.8,0.1,0.1`.

    Raises:
        ValueError: if there are not `count` numbers; names the flag.
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        raise ValueError(
            f"--{flag} takes {count} numbers separated by commas. Received: {text!r}"
        )
    return values


def beside_binary(file: str, *parts: str) -> str:
    """Returns the path of a file that lies beside a binary, wherever it is run.

    Relative to the working directory: from the checkout's root it is what pages show.

    Args:
        file: the binary's `__file__`.
        *parts: from its folder to the file.
    """
    folder = os.path.dirname(os.path.abspath(file))
    return os.path.relpath(os.path.join(folder, *parts))


def parse_seeds(flag: str, values: Sequence[str]) -> List[str]:
    """Returns the seeds of a list flag, each once, in their order.

    Raises:
        ValueError: if one is no whole number; names the flag.
    """
    if not all(re.fullmatch(r"\d+", value) for value in values):
        raise ValueError(f"--{flag} takes whole numbers. Received: {list(values)}")
    return list(dict.fromkeys(values))


def run_binary(module: str, *arguments: str) -> None:
    """Runs another binary of ours in a process of its own, which ends with this one.

    Raises:
        ValueError: if it fails; it has said why.
    """
    command = [sys.executable, "-m", module, *arguments]
    logging.info("$ python -m %s %s", module, " ".join(arguments))
    # An exception makes `subprocess.run` end the child. A scheduler's SIGTERM raises
    # none by itself, and a child left behind would go on writing.
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        code = subprocess.run(command, check=False).returncode
    finally:
        signal.signal(signal.SIGTERM, before)
    if code:
        raise ValueError(f"{module} failed with exit code {code}; see above.")
