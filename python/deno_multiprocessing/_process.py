"""The process that runs, and the one that started it."""

from __future__ import annotations

import os
import sys

from ._library import TIMED_OUT, bytes_of, c_double, c_uint64, c_void_p, quick, wait_for, waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional

__all__ = ["ParentProcess", "Process", "become", "current_process", "parent_process"]

_set_name = quick("mp_set_name", c_void_p, c_uint64)
_parent_pid = quick("mp_parent_pid")
_parent_name = quick("mp_parent_name", c_void_p, c_uint64)
_parent_descriptor = quick("mp_parent_descriptor")
_parent_is_alive = quick("mp_parent_is_alive")
_parent_join = waiting("mp_parent_join", c_double)


class Process:
    """The process that runs this. Get it by :func:`current_process`; others are started by Deno alone."""

    def __init__(self, facts: "Mapping[str, Any]") -> None:
        self._name: str = facts["name"]
        self._identity = tuple(facts["identity"])
        self._daemon: bool = facts["daemon"]
        self._authkey = bytes(facts["authkey"])
        self._pid = os.getpid()

    @property
    def name(self) -> str:
        """For messages; may be any text without NUL."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        if not isinstance(name, str) or "\0" in name:
            raise TypeError(f"Cannot name a process {name!r}: wanted a string without NUL")
        encoded = name.encode("utf-8", "replace")
        _set_name(encoded, len(encoded))
        self._name = name

    @property
    def daemon(self) -> bool:
        """Whether it ends when its parent does. Whoever starts a process decides that."""
        return self._daemon

    @property
    def authkey(self) -> bytes:
        """The key that its connections authenticate each other with, the same in the whole tree."""
        return self._authkey

    @authkey.setter
    def authkey(self, key: bytes) -> None:
        self._authkey = bytes(key)

    @property
    def ident(self) -> int:
        """The id that the operating system gave it."""
        return self._pid

    pid = ident

    @property
    def exitcode(self) -> None:
        """Always ``None``: it runs."""
        return None

    def is_alive(self) -> bool:
        """Whether it runs: so it is, but in a process that was forked from it."""
        return os.getpid() == self._pid

    def __repr__(self) -> str:
        kind = " daemon" if self._daemon else ""
        return f"<Process name={self._name!r} pid={self._pid} parent={_parent_pid()} started{kind}>"


class ParentProcess:
    """The process that started this one, a Deno."""

    def __init__(self) -> None:
        self._pid = _parent_pid()
        self._name = bytes_of(_parent_name).decode("utf-8", "replace")

    @property
    def name(self) -> str:
        """Its name when this was first asked for."""
        return self._name

    @property
    def ident(self) -> int:
        """The id that the operating system gave it."""
        return self._pid

    pid = ident

    @property
    def exitcode(self) -> None:
        """Always ``None``: how a process ended is told to its own parent only."""
        return None

    @property
    def sentinel(self) -> int:
        """A descriptor that is ready when it has ended, for ``multiprocessing.connection.wait`` and ``select.poll``."""
        return _parent_descriptor()

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return _parent_is_alive() != 0

    def join(self, timeout: "Optional[float]" = None) -> bool:
        """Waits for its end, for so many seconds; whether it has ended."""
        return wait_for(_parent_join, timeout) != TIMED_OUT

    def __repr__(self) -> str:
        state = "started" if self.is_alive() else "stopped"
        return f"<ParentProcess name={self._name!r} pid={self._pid} {state}>"


_current: "Optional[Process]" = None
_parent: "Optional[ParentProcess]" = None


def become(facts: "Mapping[str, Any]") -> Process:
    """Makes this process the one that its parent has described."""
    global _current
    _current = Process(facts)
    return _current


def current_process() -> Process:
    """The process that runs this.

    Raises:
        RuntimeError: If it was not started by a Deno program.
    """
    if _current is None:
        raise RuntimeError("Cannot tell the current process: it was not started by a Deno program")
    return _current


def parent_process() -> ParentProcess:
    """The process that started this one.

    Raises:
        RuntimeError: If it was not started by a Deno program.
    """
    global _parent
    if _parent is None:
        current_process()
        _parent = ParentProcess()
    return _parent


def tell_cpython() -> None:
    """Lets CPython's own ``multiprocessing`` have the name and the key, if the program has imported it."""
    theirs = sys.modules.get("multiprocessing.process")
    if theirs is not None and _current is not None:
        process = theirs.current_process()
        process.name, process.authkey = _current.name, _current.authkey
