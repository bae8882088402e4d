"""The error of who inherits a lock from a thread that has ended, and whose sentence it is."""

from __future__ import annotations

from ctypes import POINTER, Structure, byref, c_char, c_int32, c_uint32, c_uint64, create_string_buffer

from ._library import quick
from .errors import OwnerDiedError

_NOT_KNOWN = -(2**31)
_UNKNOWN = -4
_LONGEST_NAME = 256


class _Facts(Structure):
    _fields_ = [("pid", c_uint32), ("thread", c_uint32), ("lives_on", c_uint32), ("exit_code", c_int32)]


_owner = quick("mp_owner", c_uint32, POINTER(_Facts), POINTER(c_char), c_uint64)


class Owner:
    """The thread behind a token, and its process, which may have ended."""

    __slots__ = ("pid", "thread", "lives_on", "exitcode", "process_name")

    def __init__(self, facts: _Facts, name: str) -> None:
        self.pid: int = facts.pid
        self.thread: int = facts.thread
        self.lives_on: bool = bool(facts.lives_on)
        self.exitcode: int | None = None if facts.exit_code == _NOT_KNOWN else facts.exit_code
        self.process_name: str = name

    def told(self) -> str:
        """Says who has ended, and how; the sentence goes on."""
        if self.pid == 0 and self.process_name:
            return f'the client "{self.process_name}" has ended'
        who = f'"{self.process_name}" (pid {self.pid})' if self.process_name else f"a process (pid {self.pid})"
        if self.lives_on:
            return f"a thread of {who} ended"
        if self.exitcode is None:
            return f"{who} ended"
        if self.exitcode < 0:
            return f"{who} was ended by {_signal_name(-self.exitcode)}"
        return f"{who} ended with exit code {self.exitcode}"


def owner_of(token: int) -> Owner | None:
    """The thread behind a token; `None` if nobody remembers it."""
    facts = _Facts()
    name = create_string_buffer(_LONGEST_NAME)
    length = _owner(token, byref(facts), name, _LONGEST_NAME)
    if length == _UNKNOWN:
        return None
    return Owner(facts, name.raw[: min(length, _LONGEST_NAME)].decode("utf-8", "replace"))


def told_of(token: int) -> str:
    """Says of the thread behind a token that it has ended, and how."""
    owner = owner_of(token)
    return "a process that is not known any more has ended" if owner is None else owner.told()


def owner_died(action: str, token: int, state: str) -> OwnerDiedError:
    """The error of who inherits a lock, and so cannot do `action`; `state` is how things are now."""
    owner = owner_of(token)
    message = (
        f"Cannot {action}: {told_of(token) if owner is None else owner.told()} while it held it, "
        f"so what it protects may be half written; {state}"
    )
    if owner is None:
        return OwnerDiedError(message, pid=0, process_name=None, exitcode=None)
    return OwnerDiedError(message, pid=owner.pid, process_name=owner.process_name or None, exitcode=owner.exitcode)


def _signal_name(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
