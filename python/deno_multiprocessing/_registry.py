"""Which classes travel by a reducer of their own, and the hook by which views of shared memory travel as references."""

from __future__ import annotations

from ._format import MessageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from ._passage import Incoming, Outgoing

    Reduce = Callable[[Any, Outgoing], Any]
    Restore = Callable[[Any, Incoming], Any]


class Registration:
    """How instances of one class become plain data and come back."""

    __slots__ = ("name", "reduce", "restore")

    def __init__(self, name: str, reduce: "Optional[Reduce]", restore: "Optional[Restore]") -> None:
        self.name = name
        self.reduce = reduce
        self.restore = restore


_by_class: "dict[type, Registration]" = {}
_by_name: "dict[str, Restore]" = {}
_reduce_view: "Optional[Reduce]" = None
_restore_view: "Optional[Restore]" = None

_MODULES = {
    **dict.fromkeys(("Queue", "JoinableQueue", "SimpleQueue"), "queues"),
    "Connection": "connection",
    "multiprocessing.queues.Channel": "channel",
    **dict.fromkeys(("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier"), "synchronize"),
    **dict.fromkeys(("multiprocessing.Scalar", "multiprocessing.Synchronized", "multiprocessing.SynchronizedArray"), "sharedctypes"),
    **dict.fromkeys(("SynchronizedArray", "multiprocessing.Structure", "multiprocessing.StructureType"), "sharedctypes"),
    **dict.fromkeys(("multiprocessing.StructureArray", "multiprocessing.SynchronizedStructure"), "sharedctypes"),
}
"""Which module registers a name: it is imported when a message first has that."""

_VIEWS = "sharedctypes"
"""The module that says how views of shared memory travel."""

OF_THE_PACKAGE = frozenset(
    ["Process", "Sentinel", "ParentProcess", "Queue", "JoinableQueue", "SimpleQueue", "BytesView", "Connection"]
    + ["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier", "AcquiredGuard"]
    + ["SynchronizedArray", "AsyncResult", "ImapIterator", "BaseManager"]
)
"""Classes of the TypeScript side that stand for something shared: what their data names is worth nothing by itself."""


def register(
    cls: "Optional[type]", name: str, *, reduce: "Optional[Reduce]", restore: "Optional[Restore]" = None
) -> None:
    """Lets instances of ``cls``, and of what extends it, travel under ``name``, which both sides know the class by.

    ``reduce(instance, message)`` describes the instance by any value that can travel; for each block of shared memory
    that this names, it calls ``message.attach(block)``. ``restore(data, message)`` makes an instance of what ``reduce``
    gave in another process, which may be hostile; without it the class is only sent.

    Raises ``ValueError`` if the name is taken, by another class that is received.
    """
    if restore is not None:
        if name in _by_name:
            raise ValueError(f'Cannot register class "{name}": this name is registered already')
        _by_name[name] = restore
    if cls is not None:
        _by_class[cls] = Registration(name, reduce, restore)


def register_views(*, reduce: "Reduce", restore: "Restore") -> None:
    """Says how views of shared memory travel.

    ``reduce(view, message)`` is asked for whatever has a buffer, before its bytes are copied, and gives ``None`` for
    ordinary memory. ``restore(data, message)`` gives a view of the same memory.
    """
    global _reduce_view, _restore_view
    _reduce_view, _restore_view = reduce, restore


def registered(cls: type) -> "Optional[Registration]":
    """The registration of a class, or of the first that it extends; ``None`` if there is none."""
    for base in cls.__mro__:
        found = _by_class.get(base)
        if found is not None:
            return found
    return None


def restorer(name: str) -> "Optional[Restore]":
    """What restores instances that travel under a name; ``None`` if nobody has registered it."""
    found = _by_name.get(name)
    if found is None and name in _MODULES:
        _load(_MODULES[name])
        found = _by_name.get(name)
    return found


def _load(module: str) -> None:
    """Imports a module of this package, which registers what it has."""
    import importlib

    importlib.import_module(f".{module}", __package__)


def reduce_view(view: "Any", message: "Outgoing") -> "Any":
    """What describes a view of shared memory; ``None`` for one of ordinary memory."""
    return None if _reduce_view is None else _reduce_view(view, message)


def restore_view(data: "Any", message: "Incoming") -> "Any":
    """The view of shared memory that was described."""
    if _restore_view is None:
        _load(_VIEWS)
    if _restore_view is None:
        raise MessageError("Cannot read message: it refers to shared memory, which was not set up here")
    return _restore_view(data, message)
