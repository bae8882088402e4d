"""Python processes as members of a tree of Deno processes: Python's ``multiprocessing`` from the inside.

A Deno program starts a process that runs a function of a Python module::

    import { Process, python, Queue } from "@parallel/multiprocessing";

    const jobs = new Queue(), results = new Queue();
    new Process({ target: python("./model.py", "serve"), args: [jobs, results] }).start();

The function gets the same objects, under the names and with the methods and exceptions that CPython's
``multiprocessing`` has; arrays of shared memory are arrays of numpy, or a ``memoryview`` where that is not installed::

    def serve(jobs, results):
        for job in iter(jobs.get, None):
            results.put(job * 2)

Times are in seconds here, as everywhere in Python. The package is pure Python and needs no installation: Deno puts it
into the path of the processes that it starts.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

#: In which module what is exported is. Each is imported when one of its names is first asked for.
_MODULES = {
    "Array": "sharedctypes",
    "Barrier": "synchronize",
    "BoundedSemaphore": "synchronize",
    "Condition": "synchronize",
    "Connection": "connection",
    "Event": "synchronize",
    "JoinableQueue": "queues",
    "Lock": "synchronize",
    "OwnerDiedError": "errors",
    "ParentProcess": "_process",
    "Pipe": "connection",
    "Process": "_process",
    "ProcessError": "errors",
    "Queue": "queues",
    "RLock": "synchronize",
    "RawArray": "sharedctypes",
    "RawValue": "sharedctypes",
    "Semaphore": "synchronize",
    "ShutDown": "queues",
    "SimpleQueue": "queues",
    "Value": "sharedctypes",
    "current_process": "_process",
    "current_task": "pool",
    "get_logger": "_logging",
    "log_to_stderr": "_logging",
    "parent_process": "_process",
}

__all__ = [
    "Array",
    "Barrier",
    "BoundedSemaphore",
    "Condition",
    "Connection",
    "Event",
    "JoinableQueue",
    "Lock",
    "OwnerDiedError",
    "ParentProcess",
    "Pipe",
    "Process",
    "ProcessError",
    "Queue",
    "RLock",
    "RawArray",
    "RawValue",
    "Semaphore",
    "ShutDown",
    "SimpleQueue",
    "Value",
    "current_process",
    "current_task",
    "get_logger",
    "log_to_stderr",
    "parent_process",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._logging import get_logger, log_to_stderr
    from ._process import ParentProcess, Process, current_process, parent_process
    from .connection import Connection, Pipe
    from .errors import OwnerDiedError, ProcessError
    from .pool import current_task
    from .queues import JoinableQueue, Queue, ShutDown, SimpleQueue
    from .sharedctypes import Array, RawArray, RawValue, Value
    from .synchronize import Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f".{module}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})
