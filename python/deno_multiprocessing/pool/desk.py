"""What a worker is started with: the channels and words that it shares with its pool, and its settings."""

from __future__ import annotations

from ..words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional, Sequence

    from ..channel import Channel
    from ..synchronize import Event


class Desk:
    """What a pool and one worker share, as the worker has it: `Desk` of src/pool/messages.ts."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        #: To all workers; each takes the first task there is.
        self.tasks: Channel = given["tasks"]
        #: To this worker alone: what wakes it.
        self.bell: Channel = given["bell"]
        #: To this worker: functions, each before the first task that needs it.
        self.functions: Channel = given["functions"]
        #: From this worker.
        self.results: Channel = given["results"]
        #: Set when `Cell.heard` has come to `Cell.awaited`.
        self.heard: Event = given["heard"]
        #: The words of `Cell`.
        self.cells = Words(given["cells"])
        #: One word of all workers: the process that lingers at the tasks, 0 if none does.
        self.lingerer = Words(given["lingerer"])


class Settings:
    """What a worker is started with besides its desk: `WorkerSettings` of src/pool/messages.ts."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.initializer: Optional[Mapping[str, Any]] = given["initializer"]
        self.initargs: Sequence[Any] = given["initargs"]
        self.finalizer: Optional[Mapping[str, Any]] = given["finalizer"]
        #: Milliseconds from one look at its memory to the next, after a task.
        self.memory_every: float = given["memoryEvery"]
        #: Tasks after which it takes no more; infinite for never.
        self.maxtasksperchild: float = given["maxtasksperchild"]
        #: Bytes of memory beyond which it takes no more tasks; infinite for never.
        self.max_memory: float = given["maxMemory"]
