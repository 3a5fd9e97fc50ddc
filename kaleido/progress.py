"""Progress of long work: rate and time left, at most one line every few seconds."""

from __future__ import annotations

import time

from absl import logging


class Progress:
    """Logs how far a job is.

    Args:
        total: number of items.
        what: their name, e.g. `pictures`.
        every: seconds between two lines.
    """

    def __init__(self, total: int, what: str, every: float = 10.0):
        self._total, self._what, self._every = total, what, every
        self._done, self._start = 0, None
        self._first = 0
        self._last_line = time.monotonic()

    @property
    def rate(self) -> float:
        """Items a second since the first ones arrived; 0 before that."""
        if self._start is None or self._done == self._first:
            return 0.0
        seconds = max(time.monotonic() - self._start, 1e-9)
        return round((self._done - self._first) / seconds, 2)

    def advance(self, count: int) -> None:
        """Counts finished items."""
        self._done += count
        now = time.monotonic()
        if self._start is None:
            # Building the graph is not part of the rate.
            self._start, self._first = now, self._done
        if now - self._last_line >= self._every:
            self._last_line = now
            self._log()

    def finish(self) -> None:
        """Logs the last line, unless there was nothing to do."""
        if self._total:
            self._log()

    def _log(self) -> None:
        line = f"{self._done}/{self._total} {self._what}"
        if self.rate:
            left = (self._total - self._done) / self.rate
            line += f", {self.rate:.1f} a second, {left:.0f} s left"
        logging.info(line)
