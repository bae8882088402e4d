"""The native library: loaded once, its functions given types, its failures made exceptions.

Each module binds the functions that it calls, by name and the types of their parameters::

    _release = quick("mp_release", c_uint32)  # never waits: the interpreter's lock is kept
    _parent_join = waiting("mp_parent_join", c_double)  # may wait: other threads of Python go on

The header of the library, native/c/include/multiprocessing.h, says what each does. Where no library is loaded, in a
program that merely imports this package, every function raises a RuntimeError that says so.
"""

from __future__ import annotations

import ctypes
import time
from ctypes import c_char, c_double, c_int32, c_int64, c_uint8, c_uint32, c_uint64, c_void_p

from . import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "TIMED_OUT",
    "UNKNOWN",
    "bytes_of",
    "c_char",
    "c_double",
    "c_int32",
    "c_int64",
    "c_uint8",
    "c_uint32",
    "c_uint64",
    "c_void_p",
    "is_loaded",
    "load",
    "quick",
    "wait_for",
    "waiting",
]

FAILED = -1
INTERRUPTED = -2
TIMED_OUT = -3
UNKNOWN = -4

_OS = 1
_UNSUPPORTED = 2
_NO_SUCH_OBJECT = 4
_NOT_CAPABLE = 5
_EXHAUSTED = 7
_STATE = 8
_CLASSES: "dict[int, type[Exception]]" = {
    _UNSUPPORTED: NotImplementedError,
    _NO_SUCH_OBJECT: ValueError,
    _NOT_CAPABLE: PermissionError,
    _EXHAUSTED: MemoryError,
    _STATE: RuntimeError,
}

#: The same library twice: its functions are called with the interpreter's lock, or without.
_with_lock: "Optional[ctypes.PyDLL]" = None
_without_lock: "Optional[ctypes.CDLL]" = None


def load(path: str) -> None:
    """Loads the library.

    Raises:
        OSError: If it cannot be loaded.
    """
    global _with_lock, _without_lock
    _without_lock = ctypes.CDLL(path)
    _with_lock = ctypes.PyDLL(path)


def is_loaded() -> bool:
    """Whether there is a library, which is so in processes that a Deno program has started."""
    return _with_lock is not None


def quick(name: str, *parameters: "Any") -> "Callable[..., int]":
    """A function that never waits."""
    return _bound(_with_lock, name, parameters)


def waiting(name: str, *parameters: "Any") -> "Callable[..., int]":
    """A function that may wait."""
    return _bound(_without_lock, name, parameters)


def _bound(library: "Optional[ctypes.CDLL]", name: str, parameters: "tuple[Any, ...]") -> "Callable[..., int]":
    if library is None:
        return _missing
    try:
        function = library[name]  # an object of its own: others may bind the same function with other types
    except AttributeError:
        raise errors.ProcessError(
            f'Cannot use the native library "{library._name}": it has no "{name}", and so was built from other '
            "sources than this package"
        ) from None
    function.argtypes = parameters
    function.restype = c_int64
    function.errcheck = _checked
    return function


def _missing(*_: object) -> int:
    raise RuntimeError("Cannot use a shared object: this process was not started by a Deno program")


def _checked(outcome: int, _function: object, _arguments: object) -> int:
    if outcome == FAILED:
        raise _failure()
    return outcome


def _plain(name: str) -> "Any":
    function = _with_lock[name]  # type: ignore[index]
    function.restype = c_int64
    return function


def _failure() -> Exception:
    """Why the last call of this thread failed."""
    kind = _plain("mp_error_kind")()
    said = _plain("mp_error_message")
    said.argtypes = (c_void_p, c_uint64)
    length = said(None, 0)
    text = ctypes.create_string_buffer(length)
    said(text, length)
    message = text.raw.decode("utf-8", "replace")
    if kind == _OS:
        return OSError(_plain("mp_error_number")(), message)
    return _CLASSES.get(kind, errors.ProcessError)(message)


def bytes_of(function: "Callable[..., int]", *arguments: "Any") -> bytes:
    """All that a function gives which writes bytes to an address, for as many as have room there."""
    room = 256
    while True:
        to = ctypes.create_string_buffer(room)
        length = function(*arguments, to, room)
        if length <= room:
            return to.raw[:length]
        room = length


def wait_for(call: "Callable[[float], int]", timeout: "Optional[float]") -> int:
    """Waits by a function of the library.

    Args:
        call: Waits for so many milliseconds.
        timeout: Seconds; ``None`` is for ever.

    Returns:
        What ``call`` returned, once that is not ``INTERRUPTED``: in between, Python runs the handlers of signals that
        have come, which may raise.
    """
    if timeout is None:
        while True:
            outcome = call(_FOR_EVER)
            if outcome != INTERRUPTED:
                return outcome
    deadline = time.monotonic() + timeout
    left = timeout
    while True:
        outcome = call(max(left, 0.0) * 1000)
        if outcome != INTERRUPTED:
            return outcome
        left = deadline - time.monotonic()


_FOR_EVER = float("inf")
