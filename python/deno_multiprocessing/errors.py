"""The exceptions that are this package's own.

Whatever CPython has a name for is raised by that: ``queue.Empty``, ``ValueError`` for what is closed,
``multiprocessing.BufferTooShort``, ``threading.BrokenBarrierError``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

__all__ = ["OwnerDiedError", "ProcessError"]


class ProcessError(Exception):
    """The base of this package's own exceptions: shared memory is corrupted, or the library made a mistake."""


class OwnerDiedError(ProcessError):
    """The holder of a lock has died, so what the lock protects may be half written.

    The lock is the caller's now, if the message does not say otherwise, as it is in Deno.

    Attributes:
        pid: The id of the process that had it; 0 if that is not known any more.
        process_name: Its name; ``None`` if that is not known any more.
        exitcode: How it ended, ``-n`` by signal ``n``; ``None`` if nobody knows.
    """

    def __init__(
        self,
        message: str,
        pid: int = 0,
        process_name: "Optional[str]" = None,
        exitcode: "Optional[int]" = None,
    ) -> None:
        super().__init__(message)
        self.pid = pid
        self.process_name = process_name
        self.exitcode = exitcode

    def __reduce__(self) -> "tuple[object, ...]":
        return type(self), (str(self), self.pid, self.process_name, self.exitcode)
