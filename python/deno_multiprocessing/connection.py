"""Connections: ends of pipes, for values and for bytes, in Deno and Python.

They are those of ``multiprocessing.connection``, by their names, arguments and exceptions. An end may go to another
process of the tree, in arguments and in messages.
"""

from __future__ import annotations

import ctypes
import os
import select
import time
import weakref

from . import _fork, reduction
from ._block import Block
from ._library import INTERRUPTED, TIMED_OUT, c_double, c_uint32, c_uint64, c_void_p, quick, wait_for, waiting
from ._messages import SIZE, Pinned, new_bytes, numbers, scratch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Optional

__all__ = ["Connection", "Pipe", "wait"]

_CONNECTION_END = -30
_CONNECTION_KEPT = -31
_CONNECTION_CUT_OFF = -32
_CONNECTION_BAD_LENGTH = -33
_CONNECTION_GONE = -34
_CONNECTION_TAKEN = -35

_TOO_LONG = 1 << 41
_ANY_LENGTH = (1 << 63) - 1
_PIPE = 14
"""The kind of the block that holds what is under way in a pipe."""

_HOLDS_MARK = 0xC1
_HOLDS_START = 5

_pair = quick("mp_connection_pair", c_uint32, c_void_p, c_void_p)
_close = quick("mp_connection_close", c_uint32)
_fileno = quick("mp_connection_fileno", c_uint32)
_has_begun = quick("mp_connection_has_begun", c_uint32)
_send = waiting("mp_connection_send", c_uint32, c_void_p, c_uint64)
_flush = waiting("mp_connection_flush", c_uint32)
_receive = waiting("mp_connection_receive", c_uint32, c_void_p, c_uint64, c_uint64)
_receive_into = waiting("mp_connection_receive_into", c_uint32, c_void_p, c_uint64)
_offer = quick("mp_connection_offer", c_uint32)
_withdraw = quick("mp_connection_withdraw", c_void_p, c_uint64)
_fetch = waiting("mp_connection_fetch", c_uint32, c_double)
_pin = quick("mp_pipe_pin", c_uint32, c_void_p, c_uint64, c_void_p)
_unpin = quick("mp_pipe_unpin", c_uint32, c_void_p, c_uint64)

_open: "weakref.WeakSet[Connection]" = weakref.WeakSet()


class Connection:
    """One end of a pipe.

    >>> a, b = Pipe()  # doctest: +SKIP
    >>> a.send([1, "two"])  # doctest: +SKIP
    >>> b.recv()  # doctest: +SKIP
    [1, 'two']
    """

    def __init__(self, *_: object) -> None:
        raise TypeError("Cannot make a Connection: Pipe() makes two, and others arrive")

    @classmethod
    def _of(cls, number: "Optional[int]", readable: bool, writable: bool, pipe: "Optional[Block]") -> "Connection":
        self = cls.__new__(cls)
        self._number = number
        self._descriptor = -1 if number is None else _fileno(number)
        self._closed = False
        self._readable = readable
        self._writable = writable
        self._pipe = pipe
        self._offered: "Optional[Block]" = None
        self._parcel: "Optional[list[Any]]" = None
        _open.add(self)
        return self

    @classmethod
    def _restored(cls, data: "Any", message: reduction.Incoming) -> "Connection":
        if type(data) is not list or len(data) != 4:
            raise reduction.MessageError("Cannot restore a Connection: its description is malformed")
        offer, readable, writable, pipe = data
        offered = message.adopt(offer)
        self = cls._of(None, readable is True, writable is True, None if pipe is None else message.adopt(pipe))
        self._offered = offered
        if message.arrivals is None:
            self.arrive(None)
        else:
            message.arrivals.append(self)
        return self

    def arrive(self, timeout: "Optional[float]") -> bool:
        """Waits up to so many seconds until it has arrived from the process that has sent it; whether it has.

        Raises:
            ConnectionRefusedError: If that has ended.
            OSError: If this message was received before.
        """
        offered = self._offered
        if offered is None:
            return True
        got = wait_for(lambda left: _fetch(offered.block, left), timeout)
        if got == TIMED_OUT:
            return False
        self._offered = None
        offered.close()
        if got == _CONNECTION_GONE:
            self.close()
            raise ConnectionRefusedError("Cannot receive a connection: its sender has ended")
        if got == _CONNECTION_TAKEN:
            self.close()
            raise OSError("Cannot receive a connection: this message has been received before")
        self._number = got
        self._descriptor = _fileno(got)
        return True

    def _reduce(self, message: reduction.Outgoing) -> "list[Any]":
        number = self._usable()
        if self._parcel is not None:
            raise reduction.ReductionError("a message has been received in part")
        if self._pipe is not None:
            message.attach(self._pipe.block, self._pipe)
        block = _offer(number)
        message.attach(block)
        message.offers.append(block)
        return [[block, _generation(block)], self._readable, self._writable, self._pipe and self._pipe.reference()]

    def _usable(self) -> int:
        number = self._number
        if self._closed or number is None:
            raise OSError("handle is closed")
        return number

    def _sendable(self) -> int:
        number = self._usable()
        if not self._writable:
            raise OSError("connection is read-only")
        return number

    def _receivable(self) -> int:
        number = self._usable()
        if not self._readable:
            raise OSError("connection is write-only")
        return number

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._closed

    @property
    def readable(self) -> bool:
        """Whether it can receive."""
        return self._readable

    @property
    def writable(self) -> bool:
        """Whether it can send."""
        return self._writable

    def fileno(self) -> int:
        """The number of its descriptor.

        Raises:
            OSError: If it is closed.
        """
        self._usable()
        return self._descriptor

    def close(self) -> None:
        """Closes this end. Again: nothing happens."""
        if self._closed:
            return
        self._closed = True
        number, self._number = self._number, None
        if number is not None:
            _close(number)
        for block in (self._pipe, self._offered):
            if block is not None:
                block.close()

    def send(self, obj: "Any") -> None:
        """Sends a value, waiting until the system has all of it.

        Raises:
            TypeError: If it cannot travel; then nothing is sent.
            BrokenPipeError: If the other end is closed.
            OSError: If this end is closed, or only receives.
        """
        number = self._sendable()
        dumped = reduction.dumps(obj)
        if not dumped.attachments:
            return self._send(number, dumped.data)
        pipe = self._pipe
        if pipe is None:
            dumped.discard()
            raise reduction.ReductionError(
                "Cannot send a shared object over this connection: its other end may be outside of this process tree"
            )
        blocks, count = numbers(dumped.attachments)
        holds = (ctypes.c_uint32 * count)()
        is_sent = False
        try:
            _pin(pipe.block, blocks, count, holds)
            listed = b"".join(hold.to_bytes(4, "big") for hold in holds)
            self._send(number, bytes((_HOLDS_MARK,)) + count.to_bytes(4, "big") + listed + dumped.data)
            is_sent = True
        finally:
            if not is_sent:
                _unpin(pipe.block, holds, count)
                dumped.discard()

    def send_bytes(self, buf: "Any", offset: int = 0, size: "Optional[int]" = None) -> None:
        """Sends bytes, or a part of them, as one message.

        Raises:
            ValueError: If the part is not within them.
            OSError: As :meth:`send`.
        """
        number = self._sendable()
        if type(buf) is bytes and offset == 0 and size is None:
            return self._send(number, buf)
        view = memoryview(buf)
        if view.itemsize > 1 or view.ndim != 1:
            view = view.cast("B")
        if offset < 0:
            raise ValueError("offset is negative")
        if len(view) < offset:
            raise ValueError("buffer length < offset")
        if size is None:
            size = len(view) - offset
        elif size < 0:
            raise ValueError("size is negative")
        elif offset + size > len(view):
            raise ValueError("buffer length < offset + size")
        return self._send(number, bytes(view[offset : offset + size]))

    def _send(self, number: int, data: "Any") -> None:
        pinned = Pinned(data)
        while True:
            status = _send(number, pinned.address, pinned.length)
            if status != INTERRUPTED:
                break
        while status in (_CONNECTION_KEPT, INTERRUPTED):
            status = _flush(number)

    def recv(self) -> "Any":
        """Receives a value, waiting for it.

        Raises:
            EOFError: If the other end is closed and nothing is left.
            OSError: If what came is no message, or this end is closed, or only sends.
            ValueError: If the message is no value.
        """
        number = self._receivable()
        if self._parcel is None:
            value, arrivals = self._read(self._receive(number, _ANY_LENGTH))
            if not arrivals:
                return value
            self._parcel = [value, arrivals]
        return self._unpacked()

    def _unpacked(self) -> "Any":
        parcel = self._parcel
        assert parcel is not None
        value, arrivals = parcel
        try:
            while arrivals:
                arrivals[0].arrive(None)
                arrivals.pop(0)
        except (OSError, ValueError):
            self._parcel = None
            raise
        self._parcel = None
        return value

    def _read(self, data: bytes) -> "tuple[Any, list[Any]]":
        pipe = self._pipe
        if pipe is None:
            return reduction.loads(data, message=reduction.OUTSIDE), []
        if data[:1] != b"\xc1":
            return reduction.loads(data), []
        count = int.from_bytes(data[1:_HOLDS_START], "big")
        start = _HOLDS_START + 4 * count
        if len(data) < _HOLDS_START or start > len(data):
            raise reduction.MessageError(f"Cannot read message: it has {len(data)} bytes, its list of holds more")
        holds = [int.from_bytes(data[at : at + 4], "big") for at in range(_HOLDS_START, start, 4)]
        arrivals: "list[Any]" = []
        try:
            return reduction.loads(data, start, None, reduction.Incoming("tree", arrivals)), arrivals
        finally:
            # By now whatever it speaks of has been adopted, or is not wanted.
            _unpin(pipe.block, *numbers(holds))

    def recv_bytes(self, maxlength: "Optional[int]" = None) -> bytes:
        """Receives the bytes of one message.

        Raises:
            ValueError: If ``maxlength`` is negative.
            OSError: If the message is longer; it cannot be skipped, so nothing more can be received.
            EOFError: As :meth:`recv`.
        """
        number = self._receivable()
        if maxlength is not None and maxlength < 0:
            raise ValueError("negative maxlength")
        self._require_bytes()
        return self._receive(number, _ANY_LENGTH if maxlength is None else maxlength)

    def recv_bytes_into(self, buf: "Any", offset: int = 0) -> int:
        """Receives the bytes of one message into a buffer; returns how many there were.

        Raises:
            multiprocessing.BufferTooShort: If they do not fit; its only argument has them.
            ValueError: If ``offset`` is not within the buffer.
            EOFError: As :meth:`recv`.
        """
        number = self._receivable()
        with memoryview(buf) as view, view.cast("B") as target:
            if offset < 0:
                raise ValueError("negative offset")
            if offset > len(target):
                raise ValueError("offset too large")
            self._require_bytes()
            data = self._receive(number, _ANY_LENGTH)
            if len(data) > len(target) - offset:
                from multiprocessing import BufferTooShort

                raise BufferTooShort(data)
            target[offset : offset + len(data)] = data
            return len(data)

    def _require_bytes(self) -> None:
        if self._parcel is not None:
            raise OSError("Cannot receive bytes: a value that has been received in part comes first")

    def _receive(self, number: int, limit: int) -> bytes:
        """The bytes of the next message."""
        buffer = scratch.take()
        while True:
            got = _receive(number, buffer.address, SIZE, limit)
            if got != INTERRUPTED:
                break
        data = bytes(buffer.bytes[:got]) if 0 <= got < _TOO_LONG else b""
        scratch.free.append(buffer)
        if 0 <= got < _TOO_LONG:
            return data
        if got >= _TOO_LONG:
            data = new_bytes(got - _TOO_LONG)
            while True:
                got = _receive_into(number, data, len(data))
                if got != INTERRUPTED:
                    break
            if got == len(data):
                return data
        if got == _CONNECTION_END:
            raise EOFError
        if got == _CONNECTION_CUT_OFF:
            raise OSError("got end of file during message")
        # Nobody knows where the next message begins.
        if self._writable:
            self._readable = False
        else:
            self.close()
        raise OSError("bad message length")

    def poll(self, timeout: "Optional[float]" = 0.0) -> bool:
        """Whether there is something to receive, or the end; waits for it up to ``timeout`` seconds, ``None`` for ever."""
        self._receivable()
        return len(wait([self], timeout)) > 0

    def _is_ready(self) -> bool:
        """Whether a message, or a part of one, is here already, however the descriptor looks."""
        return self._parcel is not None or _has_begun(self._usable()) == 1

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_closed", True) or _close is None:
            return
        self._closed = True
        if self._number is not None:
            _close(self._number)

    def __class_getitem__(cls, item: object) -> "type[Connection]":
        return cls

    def __reduce__(self) -> "Any":
        raise RuntimeError(
            "Connection objects travel by queues, connections and arguments of this package only, not by pickle"
        )

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"handle {self._number}"
        return f"<Connection ({state})>"


_generation = quick("mp_generation", c_uint32)


def Pipe(duplex: bool = True) -> "tuple[Connection, Connection]":
    """Two connected ends; if not ``duplex``, the first only receives and the second only sends."""
    first, second = c_uint32(), c_uint32()
    _pair(bool(duplex), ctypes.byref(first), ctypes.byref(second))
    pipe = Block.create(_PIPE, 8)
    return (
        Connection._of(first.value, True, bool(duplex), pipe),
        Connection._of(second.value, bool(duplex), True, Block(pipe.block, pipe.generation)),
    )


def withdraw(offers: "list[int]") -> None:
    """Ends the offers of connections in a message that is not sent."""
    _withdraw(*numbers(offers))


def wait(object_list: "Iterable[Any]", timeout: "Optional[float]" = None) -> "list[Any]":
    """Waits until one of the objects is ready: a connection with something to receive or at its end, a socket, a
    sentinel, or whatever has ``fileno()``.

    Returns:
        All that are ready; none if ``timeout`` seconds have passed first. ``None`` waits for ever.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    objects = list(object_list)
    ready = [it for it in objects if isinstance(it, Connection) and it._is_ready()]
    poller = select.poll()
    descriptors: "dict[int, Any]" = {}
    for it in objects:
        descriptor = it if isinstance(it, int) else it.fileno()
        descriptors[descriptor] = it
        poller.register(descriptor, select.POLLIN | select.POLLPRI)
    if ready:
        deadline = 0.0
    left = None if deadline is None else max(deadline - time.monotonic(), 0.0) * 1000
    found = [descriptors[descriptor] for descriptor, _ in poller.poll(left)]
    return [it for it in objects if it in ready or any(it is other for other in found)]


def _close_in_fork() -> None:
    """A forked process must not keep ends open whose other end waits for their end."""
    for connection in list(_open):
        if not connection._closed and connection._descriptor >= 0:
            os.close(connection._descriptor)
            connection._closed = True


_fork.when_forked(_close_in_fork)

reduction.register(Connection, "Connection", reduce=Connection._reduce, restore=Connection._restored)
