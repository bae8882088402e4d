"""The task that a worker runs, as its function may ask about it."""

from __future__ import annotations

from ..channel import Head
from .messages import CancelReason, Cell, Flag, Kind, Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from ..channel import Frame
    from .desk import Desk
    from .reporter import Reporter

_current: Optional[CurrentTask] = None


class CurrentTask:
    """The task that a worker of a pool runs. Functions get it from :func:`current_task`."""

    def __init__(self, frame: Frame, desk: Desk, reporter: Reporter) -> None:
        self._number = frame.task
        self._attempt = frame.begun
        self._is_heard = bool(frame.flags & Flag.heard)
        self._desk = desk
        self._reporter = reporter
        self._is_ended = False
        #: The name of the function, once that is known.
        self._label = "a function"
        #: The place of the item that it is at.
        self._place = 0

    @property
    def attempt(self) -> int:
        """How often the task was begun before, whatever became of that. Only `retries` makes this more than 0."""
        return self._attempt

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the result any more: the call was aborted, or its time has passed.

        The worker is killed some time after that (the pool's `grace`), unless the task has ended.
        """
        return self._reason() is not None

    @property
    def timed_out(self) -> bool:
        """Whether :attr:`cancelled`, because the time has passed."""
        return self._reason() == CancelReason.timedOut

    def _reason(self) -> Optional[int]:
        cells = self._desk.cells
        if self._is_ended or cells.load(Cell.slots + Slot.cancelled) != self._number:
            return None
        return cells.load(Cell.slots + Slot.reason)

    def report(self, value: Any) -> None:
        """Tells the call's `onReport` a value, which is serialised at once, as results are.

        If nobody listens, or the task is over or not wanted any more, nothing happens. While 1024 reports, or 8 MiB of
        them, are unread, it blocks the thread for up to 100 ms. Raises TypeError if the value cannot be serialised.
        """
        if self._is_heard and not self._is_ended and not self.cancelled:
            self._reporter.send(Head(Kind.report, task=self._number, fn=self._place), value)

    def __repr__(self) -> str:
        cancelled = ", cancelled" if self.cancelled else ""
        return f'<CurrentTask("{self._label}", attempt={self._attempt}{cancelled})>'

    # What follows is the worker's.

    def _at(self, place: int) -> None:
        """From now on it is at the item in that place."""
        self._place = place

    def _note(self, items: int) -> None:
        """So many of its items have been begun."""
        self._desk.cells.store(Cell.slots + Slot.items, items)

    def _end(self) -> None:
        self._is_ended = True


def current_task() -> Optional[CurrentTask]:
    """The task that this worker of a pool runs, in whatever thread that is asked; None elsewhere, and between tasks.

    >>> from deno_multiprocessing.pool import current_task
    >>> def total(numbers):
    ...     task, sum = current_task(), 0.0
    ...     for number in numbers:
    ...         if task is not None and task.cancelled:
    ...             break  # nobody waits for the result any more
    ...         sum += number
    ...     return sum
    >>> total([1, 2])  # this is no worker
    3.0
    """
    return _current


def set_current(task: Optional[CurrentTask]) -> None:
    """Says which task this worker runs."""
    global _current
    _current = task
