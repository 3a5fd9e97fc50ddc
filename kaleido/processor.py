"""What the system tells of its processor."""

from __future__ import annotations

import platform
from typing import FrozenSet


def cpu_name() -> str:
    """Returns the processor's name, as far as the system tells it."""
    return _field("model name") or platform.processor() or platform.machine()


def cpu_flags() -> FrozenSet[str]:
    """Returns the names of its instruction sets as Linux writes them, else none."""
    return frozenset(_field("flags").split())


def _field(name: str) -> str:
    """Value of the first line of a name, empty where there is none."""
    for line in _description().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _description() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
