"""Where a worker gets its tasks from: the channel that all workers of its pool take from.

How it looks there, and rests when it finds nothing, is the table of `Mode` in src/pool/messages.ts; this is
src/pool/task_source.ts for a worker of Python, whose thread always blocks.
"""

from __future__ import annotations

import os

from ..channel import ENDED
from .messages import Cell, Kind, Mode, Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..channel import Frame, Received
    from .desk import Desk, Settings

#: Seconds that a worker waits for the next task where tasks are put, before it waits for its bell.
LINGER = 0.001


class TaskSource:
    """The tasks that come to one worker."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        #: How long it waits for the next task before it counts as asleep.
        self._linger = 0.0
        self._begun = 0
        self._is_retired = False
        #: Whether the pool is gone.
        self.is_over = False

    def begin(self, frame: Frame) -> None:
        """Notes that a task runs now."""
        cells = self._desk.cells
        cells.store(Cell.slots + Slot.items, 0)  # before the task is this one
        cells.store(Cell.slots + Slot.begun, frame.task)
        cells.store(Cell.mode, Mode.running)
        self._begun += 1
        self._linger = LINGER

    def next(self) -> Received:
        """The first task there is. If there is none, the pool has been told that this worker rests."""
        tasks, cells = self._desk.tasks, self._desk.cells
        if self.is_retired:
            cells.store(Cell.mode, Mode.away)
            return None
        # At once, as a rule: the word of who lingers is all workers', and would go from one processor to the next.
        cells.store(Cell.mode, Mode.searching)
        found = tasks.receive(0)
        if found is None:
            found = self._linger_at_tasks()
        if found is not None:
            return found
        cells.store(Cell.mode, Mode.resting)
        # Again: whatever was put before the pool could see that this worker rests, it rings no bell for.
        last = tasks.receive(0)
        if last is None:
            cells.compare_exchange(Cell.mode, Mode.resting, Mode.asleep)
        return last

    def _linger_at_tasks(self) -> Received:
        """Waits a moment for the next task, which then wakes this worker at once; one worker at a time."""
        cells, lingerer = self._desk.cells, self._desk.lingerer
        if self._linger == 0 or lingerer.compare_exchange(0, 0, os.getpid()) != 0:
            return None
        cells.store(Cell.mode, Mode.lingering)
        try:
            return self._desk.tasks.receive(self._linger)
        finally:
            lingerer.store(0, 0)
            self._linger = 0.0

    @property
    def is_retired(self) -> bool:
        """Whether it has had as many tasks, or as much memory, as it may."""
        settings = self._settings
        if not self._is_retired:
            memory = self._desk.cells.load(Cell.memory) * 1024
            self._is_retired = self._begun >= settings.maxtasksperchild or memory > settings.max_memory
        return self._is_retired

    def rest(self) -> bool:
        """Waits for its bell; whether it is to go on."""
        self._linger = 0.0
        frame = self._desk.bell.receive(None)
        if frame is ENDED:
            self.is_over = True
            return False
        return frame.kind != Kind.stop
