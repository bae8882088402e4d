"""Memory for messages, and how their bytes get in and out of the native library.

Short messages pass through a buffer that each thread has, so that nothing is allocated for them twice. Long ones are
received straight into the object that the user gets.
"""

from __future__ import annotations

import ctypes
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

SIZE = 64 * 1024
"""Bytes of a thread's buffer."""

_SHORT = 16 * 1024
"""So many bytes are copied sooner than their address is found."""


class Buffer:
    """Memory for one message."""

    __slots__ = ("_keep", "address", "bytes")

    def __init__(self) -> None:
        self.bytes = bytearray(SIZE)
        self.address = address_of(self.bytes)
        self._keep = (ctypes.c_char * SIZE).from_buffer(self.bytes)  # nobody can resize it


class Scratch(threading.local):
    """The buffers of the calling thread: one, unless a handler of a signal receives in the midst of a receive."""

    def __init__(self) -> None:
        self.free = [Buffer()]

    def take(self) -> Buffer:
        """A buffer that nobody uses; to be given back to ``free`` once the message is copied."""
        try:
            return self.free.pop()
        except IndexError:
            return Buffer()


def address_of(data: bytearray) -> int:
    """Where a bytearray begins, as long as nobody changes its length."""
    return ctypes.addressof(ctypes.c_char.from_buffer(data)) if len(data) > 0 else 0


scratch = Scratch()

_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t)(
    ("PyBytes_FromStringAndSize", ctypes.pythonapi)
)


def new_bytes(length: int) -> bytes:
    """Bytes that are to be filled before anybody sees them."""
    return _new(None, length)


class Pinned:
    """Bytes whose address the library is given; keep it until the call is over."""

    __slots__ = ("_keep", "address", "length")

    def __init__(self, data: "Union[bytes, bytearray]") -> None:
        self.length = len(data)
        if type(data) is bytes:
            self.address, self._keep = data, data
        elif self.length <= _SHORT:
            self.address = self._keep = bytes(data)
        else:
            self._keep = ctypes.c_char.from_buffer(data)
            self.address = ctypes.addressof(self._keep)


def numbers(values: "Optional[list[int]]") -> "tuple[Optional[ctypes.Array[ctypes.c_uint32]], int]":
    """A list of blocks or holds as C has it, and its length."""
    if not values:
        return None, 0
    return (ctypes.c_uint32 * len(values))(*values), len(values)
