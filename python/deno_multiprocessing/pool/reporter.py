"""The worker's half of `report`: sends what a task reports, and waits while the pool has much of it unread.

Nothing is lost, and memory is bounded: while 1024 reports, or 8 MiB, are unread, the next one blocks the worker's
thread; but no longer than 100 ms, since the program may wait in turn for something that this task does. This is
src/pool/reporter.ts.
"""

from __future__ import annotations

from .messages import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..channel import Head
    from .desk import Desk

#: The most reports that are unread; a power of 2.
MOST = 1024
#: The most bytes of them, unless it is one.
MOST_BYTES = 8 * 2**20
#: Seconds that a report waits for the pool, at most.
PATIENCE = 0.1


class Reporter:
    """Sends the reports of one worker."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        #: How many were sent.
        self._sent = 0
        self._bytes = 0
        #: How many bytes there were up to each of the last ones.
        self._ends = [0] * MOST

    def send(self, head: Head, value: Any) -> None:
        """Sends what a task reports. Raises what the serialiser raises; then nothing is sent."""
        if not self._has_room():
            self._wait()
        self._bytes += self._desk.results.send(head, [value])
        self._ends[self._sent % MOST] = self._bytes
        self._sent += 1

    def _unread(self) -> int:
        return (self._sent - self._desk.cells.load(Cell.heard)) % 2**32

    def _has_room(self) -> bool:
        unread = self._unread()
        if unread == 0:
            return True
        if unread >= MOST:
            return False
        return self._bytes - self._ends[(self._sent - unread - 1) % MOST] <= MOST_BYTES

    def _wait(self) -> None:
        """Waits until half of what is unread has been read."""
        cells, heard = self._desk.cells, self._desk.heard
        awaited = (self._sent - self._unread() // 2) % 2**32
        heard.clear()
        cells.store(Cell.awaited, awaited or 1)
        if not self._has_room():
            heard.wait(PATIENCE)
        cells.store(Cell.awaited, 0)
