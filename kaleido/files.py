"""Files that appear whole or not at all: temporary name, then rename."""

from __future__ import annotations

import json
import os
from typing import Any


def write_bytes(path: str, data: bytes) -> None:
    """Writes bytes; makes the folder if it is not there."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    temporary = f"{path}.tmp"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def write_text(path: str, text: str) -> None:
    """Writes UTF-8 text."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str, content: Any) -> None:
    """Writes JSON, keys sorted."""
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(path, f"{text}\n")


def read_json(path: str) -> Any:
    """Reads a JSON file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)
