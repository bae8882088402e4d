"""What a worker of a pool does: it runs tasks until it is told to stop. This is src/pool/worker.ts.

It runs one task at a time, in its main thread. What a task raises is answered; SystemExit and KeyboardInterrupt end the
worker, which costs that task and no other.
"""

from __future__ import annotations

import os
import sys
import time

from .._targets import find
from ..channel import ENDED, Head
from ..stacks import pack
from .messages import Cell, Flag, Kind
from .reporter import Reporter
from .run import ENDING, run_each, run_once, settled, unsendable, without_unsendable
from .source import TaskSource
from .task import CurrentTask, set_current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Tuple

    from ..channel import Frame
    from .desk import Desk, Settings
    from .run import Outcome

#: Times travel in 32 bits, as so many ticks for each millisecond.
TICKS = 100
_BEGIN = time.perf_counter()
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def now() -> float:
    """Milliseconds on the clock of this worker."""
    return (time.perf_counter() - _BEGIN) * 1000


def ticks_of(milliseconds: float) -> int:
    """A time as it travels."""
    return round(milliseconds * TICKS) % 2**32


class Worker:
    """One worker, with the desk that it shares with its pool."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self._source = TaskSource(desk, settings)
        self._reporter = Reporter(desk)
        #: What the pool has told of functions, by their numbers.
        self._references: Dict[int, Mapping[str, Any]] = {}
        #: Those that were found, with their names for messages.
        self._functions: Dict[int, Tuple[Callable[..., Any], str]] = {}
        self._finalizer: Callable[[], Any] = lambda: None
        self._last_look = 0.0

    def run(self) -> int:
        """Runs tasks until it is told to stop, or the pool is gone; the exit code."""
        if not self._initialize():
            return 1
        self._look_at_memory(now())
        self._send(Head(Kind.ready), [now(), time.time() * 1000])
        if self._work():
            self._finalize()
        return 0

    def _work(self) -> bool:
        """Runs tasks; whether it was told to stop."""
        source = self._source
        while True:
            frame = source.next()
            if frame is ENDED:
                return False
            if frame is not None:
                source.begin(frame)
                self._serve(frame)
            elif not source.rest():
                return not source.is_over

    def _initialize(self) -> bool:
        settings = self._settings
        try:
            if settings.finalizer is not None:
                self._finalizer = find(settings.finalizer)
            if settings.initializer is not None:
                settled(find(settings.initializer)(*settings.initargs))
            return True
        except ENDING:
            raise
        except BaseException as error:
            self._send(Head(Kind.startFailed), pack(error))
            return False
        finally:
            _flush()

    def _finalize(self) -> None:
        """Runs the finalizer. The pool, which is told, ends this process if that takes too long."""
        if self._settings.finalizer is not None:
            self._send(Head(Kind.finalizing), [])
            settled(self._finalizer())

    def _serve(self, frame: Frame) -> None:
        """Runs a task, and answers it."""
        begin = now()
        task = CurrentTask(frame, self._desk, self._reporter)
        set_current(task)
        try:
            outcome = self._run(frame, task, begin)
        except ENDING:
            raise
        except BaseException as error:
            outcome = Kind.failed, pack(error)
        finally:
            task._end()
            set_current(None)
            _flush()
        end = now()
        if end - self._last_look >= self._settings.memory_every:
            self._look_at_memory(end)
        self._answer(outcome, frame, begin, end - begin)

    def _run(self, frame: Frame, task: CurrentTask, begin: float) -> Outcome:
        arguments = frame.read()
        # Not before the frame is read.
        if frame.flags & Flag.timed:
            self._send(Head(Kind.begun, task=frame.task, begun=ticks_of(begin)), [])
        known = self._functions.get(frame.fn)
        fn, task._label = self._function(frame.fn) if known is None else known
        if frame.flags & Flag.each:
            return run_each(fn, arguments, frame.flags, task)
        return run_once(fn, arguments, frame.flags)

    def _function(self, number: int) -> Tuple[Callable[..., Any], str]:
        """The function that a number means."""
        while number not in self._references:
            frame = self._desk.functions.receive(0)
            if frame is None or frame is ENDED:
                raise RuntimeError(f"Cannot run function {number}: it was not introduced")
            self._references[frame.fn] = frame.read()[0]
        reference = self._references[number]
        found = self._functions[number] = find(reference), reference["label"]
        return found

    def _answer(self, outcome: Outcome, frame: Frame, begin: float, duration: float) -> None:
        kind, values = outcome

        def head(kind: int) -> Head:
            return Head(kind, task=frame.task, begun=ticks_of(begin), duration=duration)

        try:
            self._send(head(kind), values)
        except Exception as reason:
            if kind != Kind.mixed and not frame.flags & Flag.lenient:
                self._send(head(Kind.failed), unsendable(values, reason))
            else:
                self._send(head(Kind.mixed), without_unsendable(kind, values))

    def _send(self, head: Head, values: List[Any]) -> None:
        self._desk.results.send(head, values)

    def _look_at_memory(self, at: float) -> None:
        self._last_look = at
        try:
            with open("/proc/self/statm", "rb") as file:
                pages = int(file.read().split()[1])
        except (OSError, ValueError, IndexError):
            return  # no descriptor is left, for instance
        self._desk.cells.store(Cell.memory, min(pages * _PAGE_KIB, 2**31 - 1))


def _flush() -> None:
    """Hands on what was printed: a worker may be ended by a signal, with which it would be lost."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except Exception:
            pass  # nobody reads it, it was closed, or is something of the user's
