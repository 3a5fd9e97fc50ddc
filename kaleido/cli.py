"""What the binaries share: one clear line on bad input, and flag parsing."""

from __future__ import annotations

import functools
import re
import signal
import subprocess
import sys
from typing import Callable, List, Sequence, Tuple

from absl import app, logging


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
            print(f"ERROR: {error}", file=sys.stderr)
            sys.exit(1)

    return wrapped


def _is_input(error: Exception) -> bool:
    """Whether an error tells of files, flags or a missing extra, not of a bug."""
    # TensorFlow is not imported before the flags are known to be right.
    damaged = type(error).__name__ == "DataLossError"
    return damaged or isinstance(error, (ValueError, OSError, ImportError))


def parse_config_flags(argv: Sequence[str]) -> List[str]:
    """Parses all flags, for `app.run(flags_parser=...)` of a binary with --config.

    A field that the configuration lacks is one line and exit code 1; the flags
    library raises an AttributeError, within a section a KeyError, before main
    begins.
    """
    try:
        return app.parse_flags_with_usage(argv)
    except (AttributeError, KeyError) as error:
        # The first name is the field; after it the library guesses what was meant.
        field = re.search(r"\w+", str(error.args[0]).replace("\\n", " ")).group()
        print(f"ERROR: --config has no field {field!r}", file=sys.stderr)
        sys.exit(1)
    except ValueError as error:
        # The configuration file itself refuses its argument.
        print(f"ERROR: --config: {error}", file=sys.stderr)
        sys.exit(1)


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
