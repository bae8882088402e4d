"""Workers of a pool whose functions are written in Python.

A pool belongs to a program of Deno: `new Pool(2, { python: true })`. What stands here is for the functions that it runs:
:func:`current_task` is the task that runs, which may report something, and may be cancelled.
"""

from __future__ import annotations

from .task import CurrentTask, current_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

__all__ = ["CurrentTask", "current_task", "work"]


def work(desk: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Runs tasks until the pool says to stop. Pools start their workers with it; nobody else calls it."""
    import faulthandler
    import sys

    from .desk import Desk, Settings
    from .worker import Worker

    if sys.stderr is not None:
        # Where in Python a worker was that dies of a signal, is the last that it writes; its pool tells it.
        faulthandler.enable(sys.stderr)
    code = Worker(Desk(desk), Settings(settings)).run()
    if code:
        raise SystemExit(code)
