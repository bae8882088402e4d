"""Queues: values from any process of the tree, in Deno or Python, to any other, in order.

They are those of ``multiprocessing``, by their names, arguments and exceptions, and one and the same with Deno's. A value
is serialised by ``put``, which raises if that is impossible, and is in shared memory when it returns: no thread has to
be flushed. A process that is killed costs at most the message that it was putting or had just taken.

A wait without a timeout ends when it would be for ever, with ``EOFError``: the queue is empty, and every other process
that had it has ended or closed it, or waits for it as well. Likewise ``put`` into a full queue, and ``join``.
"""

from __future__ import annotations

import ctypes
import struct
import time
from queue import Empty, Full

from . import reduction
from ._block import Block
from ._library import c_double, c_uint32, c_uint64, c_void_p, quick, wait_for, waiting
from ._messages import SIZE, Pinned, new_bytes, numbers, scratch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Optional, Union

try:
    from queue import ShutDown
except ImportError:  # before Python 3.13

    class ShutDown(Exception):  # type: ignore[no-redef]
        """The queue is shut down: nothing can be put, and nothing is left."""


__all__ = ["Empty", "Full", "JoinableQueue", "Queue", "ShutDown", "SimpleQueue"]

WOULD_WAIT = QUEUE_WOULD_WAIT = -10
SHUT_DOWN = QUEUE_SHUT_DOWN = -11
ORPHANED = QUEUE_ORPHANED = -12
QUEUE_ABANDONED = -13

_TAG = 1 << 32
_ATTACHED = 1 << 40
_TOO_LONG = 1 << 41

VALUE, BYTES, LOAN = 0, 1, 2
"""How the bytes of a message are to be read."""

_LONG_BYTES = 4096
"""Bytes of at least this length bypass the serialiser."""

_MOST = 2**31 - 1
"""The largest ``maxsize``."""

_LOAN = struct.Struct("=5I")
_HEAD = struct.Struct("=II")
_RUN_TAG = 1 << 24
_UNIT = 8

_create = quick("mp_queue_create", c_uint32, c_uint32)
_quick_put = quick("mp_queue_put", c_uint32, c_uint32, c_void_p, c_uint64, c_void_p, c_uint64, c_double)
_put = waiting("mp_queue_put", c_uint32, c_uint32, c_void_p, c_uint64, c_void_p, c_uint64, c_double)
_quick_get = quick("mp_queue_get", c_uint32, c_void_p, c_uint64, c_double)
_get = waiting("mp_queue_get", c_uint32, c_void_p, c_uint64, c_double)
_quick_put_run = quick("mp_queue_put_run", c_uint32, c_void_p, c_uint64, c_double)
_put_run = waiting("mp_queue_put_run", c_uint32, c_void_p, c_uint64, c_double)
_get_run = quick("mp_queue_get_run", c_uint32, c_void_p, c_uint64, c_uint32)
_attached = quick("mp_queue_attached", c_void_p, c_uint64)
_unpin = quick("mp_queue_unpin", c_void_p, c_uint64)
_size = quick("mp_queue_size", c_uint32)
_maxsize = quick("mp_queue_maxsize", c_uint32)
_is_kept = quick("mp_queue_is_kept", c_uint32)
_shut_down = waiting("mp_queue_shut_down", c_uint32, c_uint32)
_mark_shared = quick("mp_queue_mark_shared", c_uint32)
_task_done = quick("mp_queue_task_done", c_uint32)
_unfinished = quick("mp_queue_unfinished", c_uint32)
_join = waiting("mp_queue_join", c_uint32, c_double)
_abandoned = quick("mp_queue_abandoned", c_uint32, c_void_p)


def put_bytes(
    block: int,
    tag: int,
    data: "Union[bytes, bytearray]",
    attachments: "Optional[list[int]]" = None,
    timeout: "Optional[float]" = 0.0,
) -> int:
    """Puts a message into the queue of a block, waiting up to ``timeout`` seconds, ``None`` for ever.

    Returns:
        0, ``WOULD_WAIT`` where there was no room, ``SHUT_DOWN`` or ``ORPHANED``.
    """
    pinned = Pinned(data)
    blocks, count = numbers(attachments)
    call = (block, tag, pinned.address, pinned.length, blocks, count)
    status = (_quick_put if pinned.length < SIZE else _put)(*call, 0.0)
    if status != WOULD_WAIT or timeout is not None and timeout <= 0:
        return status
    return wait_for(lambda left: _put(*call, left), timeout)


def take_bytes(block: int, timeout: "Optional[float]" = 0.0) -> "Union[int, tuple[int, bytes, list[int]]]":
    """Takes a message from the queue of a block, waiting up to ``timeout`` seconds, ``None`` for ever.

    Returns:
        Its tag, its bytes, and what keeps the blocks alive that it speaks of: for :func:`unpin`, once they are adopted. Or
        ``WOULD_WAIT`` where nothing came, ``SHUT_DOWN`` or ``ORPHANED``.
    """
    deadline = None
    while True:
        buffer = scratch.take()
        address = buffer.address
        got = _quick_get(block, address, SIZE, 0.0)
        if got == WOULD_WAIT and (timeout is None or timeout > 0):
            if timeout is not None and deadline is None:
                deadline = time.monotonic() + timeout
            got = wait_for(lambda left: _get(block, address, SIZE, left), timeout)
        data = bytes(buffer.bytes[: got & 0xFFFF_FFFF]) if 0 <= got < _TOO_LONG else b""
        scratch.free.append(buffer)
        if got < 0:
            return got
        if got >= _TOO_LONG:
            data = new_bytes(got - _TOO_LONG)
            got = _get(block, data, len(data), 0.0)
            length = got & 0xFFFF_FFFF
            if got < 0 or got >= _TOO_LONG:  # another consumer was quicker
                if deadline is not None:
                    timeout = max(deadline - time.monotonic(), 0.0)
                continue
            if length < len(data):
                data = data[:length]
        return got // _TAG & 0xFF, data, taken_holds() if got & _ATTACHED else []


def taken_holds() -> "list[int]":
    """What the message speaks of that this thread has taken last."""
    count = _attached(None, 0)
    holds = (ctypes.c_uint32 * count)()
    _attached(holds, count)
    return list(holds)


def unpin(holds: "list[int]") -> None:
    """Lets go of what kept blocks alive while their message was under way."""
    if holds:
        _unpin(*numbers(holds))


def _copy_of_loan(data: bytes) -> bytes:
    """The bytes that a message is about, which lie in memory of their own."""
    if len(data) != _LOAN.size:
        raise reduction.MessageError("Cannot receive a loan of a queue: its description is malformed")
    number, generation, _, _, length = _LOAN.unpack(data)
    block = Block(number, generation)
    try:
        if length > block.size:
            raise reduction.MessageError(f"Cannot receive a loan of a queue: {length} bytes are announced, it has less")
        return ctypes.string_at(block.address, length)
    finally:
        block.close()


class _Parcel:
    """A value that was taken, and has connections in it that are still to arrive."""

    __slots__ = ("arrivals", "value")

    def __init__(self, value: "Any", arrivals: "list[Any]") -> None:
        self.value = value
        self.arrivals = arrivals

    def advance(self, timeout: "Optional[float]") -> bool:
        """Waits for them up to so many seconds; whether all have arrived. Raises what makes them never arrive."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.arrivals:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.1)
            if not self.arrivals[0].arrive(left):
                return False
            self.arrivals.pop(0)
        return True


def _read(tag: int, data: bytes, holds: "list[int]") -> "Any":
    """The value of a message, or a parcel."""
    try:
        if tag == BYTES:
            return data
        if tag == LOAN:
            return _copy_of_loan(data)
        if not holds:
            return reduction.loads(data)
        arrivals: "list[Any]" = []
        value = reduction.loads(data, message=reduction.Incoming("tree", arrivals))
        return _Parcel(value, arrivals) if arrivals else value
    finally:
        # By now whatever it speaks of has been adopted, or is not wanted.
        unpin(holds)


def _limit(block: bool, timeout: "Optional[float]") -> "Optional[float]":
    return (None if timeout is None else max(timeout, 0.0)) if block else 0.0


class Queue:
    """A first-in, first-out queue for any number of producers and consumers in any process of the tree.

    >>> queue = Queue()  # doctest: +SKIP
    >>> queue.put({"path": "a.txt"})  # doctest: +SKIP
    >>> queue.get()  # doctest: +SKIP
    {'path': 'a.txt'}
    """

    _is_joinable = False

    def __init__(self, maxsize: int = 0, *, ctx: object = None, name: "Optional[str]" = None) -> None:
        """A new queue that holds at most ``maxsize`` values; 0 or less: any number that fits into memory.

        Raises:
            ValueError: If ``maxsize`` is more than 2147483647.
        """
        if maxsize > _MOST:
            raise ValueError(f"Cannot create a queue: maxsize is {maxsize}, at most {_MOST}")
        handle = Block.own(_create(max(maxsize, 0), self._is_joinable))
        handle.name = name
        self._begin(handle)

    def _begin(self, handle: Block) -> None:
        self._handle = handle
        self._number = handle.block
        self._parcel: "Optional[_Parcel]" = None
        self._errors: "list[BaseException]" = []

    @classmethod
    def _adopted(cls, data: "Any", message: reduction.Incoming) -> "Queue":
        handle = message.adopt(data)
        self = cls.__new__(cls)
        # Whoever names a manager's bell so could make this process take from it, or shut it down.
        if _is_kept(handle.block):
            handle.close()
            raise reduction.MessageError("Cannot restore a queue: it is one that is kept by a manager's server")
        self._begin(handle)
        return self

    def _reference(self, message: reduction.Outgoing) -> "list[Any]":
        block = self._block()
        message.attach(block, self._handle)
        _mark_shared(block)
        return self._handle.reference()

    def _block(self) -> int:
        """The number of the block; raises ``ValueError`` if the queue is closed."""
        if self._handle.closed:
            raise ValueError(f"{type(self).__name__} {self!r} is closed")
        return self._number

    @property
    def name(self) -> "Optional[str]":
        """The name that it was given; ``None`` if it has none."""
        return self._handle.name

    def put(self, obj: "Any", block: bool = True, timeout: "Optional[float]" = None) -> None:
        """Puts a value, waiting for room up to ``timeout`` seconds, for ever if that is ``None``.

        Raises:
            TypeError: If the value cannot travel; then nothing is put.
            queue.Full: If there was no room in time.
            queue.ShutDown: If the queue is shut down.
            EOFError: If there is no timeout, it is full, and nobody can take any more.
            ValueError: If the queue is closed.
        """
        number = self._block()
        if type(obj) is bytes and len(obj) >= _LONG_BYTES:
            status = put_bytes(number, BYTES, obj, None, _limit(block, timeout))
        else:
            status = self._put_dumped(number, reduction.dumps(obj), _limit(block, timeout))
        if status != 0:
            raise self._vain_put(status)

    def _put_dumped(self, number: int, dumped: reduction.Dumped, limit: "Optional[float]") -> int:
        status = WOULD_WAIT
        try:
            status = put_bytes(number, VALUE, dumped.data, dumped.attachments, limit)
            return status
        finally:
            if status != 0:
                dumped.discard()

    def _vain_put(self, status: int) -> Exception:
        if status == SHUT_DOWN:
            return ShutDown(f"Cannot put: {self!r} is shut down")
        if status == ORPHANED:
            return EOFError(f"Cannot put: {self!r} is full, and nobody can take from it any more")
        return Full(f"Cannot put: {self!r} is full")

    def put_nowait(self, obj: "Any") -> None:
        """Puts a value if there is room at once; as :meth:`put`."""
        self.put(obj, False)

    def put_many(self, values: "Iterable[Any]", block: bool = True, timeout: "Optional[float]" = None) -> int:
        """Puts values in their order, which costs less than a call for each; returns how many there were.

        All are serialised before the first is put. Others may put in between. An exception of a put that did not come to
        its end has ``put``, the number of values that are in the queue: the first ones.

        Raises:
            TypeError: If one cannot travel; then nothing is put.
            Exception: Otherwise as :meth:`put`.
        """
        number = self._block()
        batch = [_part(index, value) for index, value in enumerate(values)]
        limit = _limit(block, timeout)
        deadline = None if limit is None else time.monotonic() + limit
        put = 0
        try:
            while put < len(batch):
                left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
                run, count = _run_of(batch, put)
                if count == 0:
                    tag, data, dumped = batch[put]
                    attachments = None if dumped is None else dumped.attachments
                    status = put_bytes(number, tag, data, attachments, left) or 1
                else:
                    status = _quick_put_run(number, run, len(run), 0.0)
                    if status == WOULD_WAIT and (left is None or left > 0):
                        status = wait_for(lambda left: _put_run(number, run, len(run), left), left)
                if status < 0:
                    raise self._vain_put(status)
                put += status
        except BaseException as error:
            error.put = put  # type: ignore[attr-defined]
            raise
        finally:
            for _, _, dumped in batch[put:]:
                if dumped is not None:
                    dumped.discard()
        return put

    def get(self, block: bool = True, timeout: "Optional[float]" = None) -> "Any":
        """Takes the first value, waiting for one up to ``timeout`` seconds, for ever if that is ``None``.

        Raises:
            queue.Empty: If none came in time.
            queue.ShutDown: If the queue is empty and shut down.
            EOFError: If there is no timeout, it is empty, and nobody can put any more.
            ValueError: If the queue is closed, or the message is none.
        """
        number = self._block()
        limit = _limit(block, timeout)
        if self._errors:
            raise self._errors.pop(0)
        if self._parcel is not None:
            return self._unpacked(limit)
        taken = take_bytes(number, limit)
        if type(taken) is int:
            raise self._vain_get(taken)
        value = _read(*taken)
        if type(value) is not _Parcel:
            return value
        self._parcel = value
        return self._unpacked(limit)

    def _unpacked(self, limit: "Optional[float]") -> "Any":
        """The value of the parcel, once it is whole."""
        parcel = self._parcel
        assert parcel is not None
        try:
            is_whole = parcel.advance(limit)
        except (OSError, ValueError):
            self._parcel = None
            raise
        if not is_whole:
            raise Empty("Cannot get: a connection in the next message has not arrived")
        self._parcel = None
        return parcel.value

    def _vain_get(self, status: int) -> Exception:
        if status == SHUT_DOWN:
            return ShutDown(f"Cannot get: {self!r} is empty and shut down")
        if status == ORPHANED:
            return EOFError(f"Cannot get: {self!r} is empty, and nobody can put into it any more")
        return Empty(f"Cannot get: {self!r} is empty")

    def get_nowait(self) -> "Any":
        """Takes the first value if there is one; as :meth:`get`."""
        return self.get(False)

    def get_many(self, max: int, block: bool = True, timeout: "Optional[float]" = None) -> "list[Any]":
        """Takes the values that are there, up to ``max``, waiting for the first as :meth:`get` does.

        A message that cannot be read costs no other: what can be read is returned, and a later call of a get raises.
        """
        if max < 1:
            raise ValueError(f"Cannot get {max} values: at least 1 is wanted")
        number = self._block()
        if self._errors:
            raise self._errors.pop(0)
        values: "list[Any]" = []
        self._collect(number, max, values)
        if not values and not self._errors:
            values.append(self.get(block, timeout))
            self._collect(number, max, values)
        if not values:
            raise self._errors.pop(0)
        return values

    def _collect(self, number: int, most: int, values: "list[Any]") -> None:
        """Takes what is there by runs; what comes alone, behind the first, by itself."""
        left = min(most - len(values), _size(number))
        while left > 0 and self._parcel is None:
            buffer = scratch.take()
            got = _get_run(number, buffer.address, SIZE, min(left, _MOST))
            count = got & 0xFFFF_FFFF
            messages = _split_run(buffer.bytes, count)
            scratch.free.append(buffer)
            if count == 0:
                if not values and not self._errors:
                    return
                taken = take_bytes(number, 0.0)
                if type(taken) is int:
                    return
                self._open(values, *taken)
                left -= 1
                continue
            left -= count
            holds = taken_holds() if got & _ATTACHED else []
            for index, (tag, data) in enumerate(messages):
                self._open(values, tag, data, holds if index == count - 1 else [])

    def _open(self, values: "list[Any]", tag: int, data: bytes, holds: "list[int]") -> None:
        try:
            value = _read(tag, data, holds)
            if type(value) is _Parcel:
                self._parcel = value
                if not value.advance(0.0):
                    return
                self._parcel = None
                value = value.value
            values.append(value)
        except Exception as error:
            self._parcel = None
            self._errors.append(error)

    def qsize(self) -> int:
        """How many values are in the queue, for all processes at once."""
        return _size(self._block()) + (0 if self._parcel is None else 1)

    def empty(self) -> bool:
        """Whether the queue holds nothing."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Whether the queue holds ``maxsize`` values."""
        maxsize = _maxsize(self._block())
        return maxsize != 0 and self.qsize() >= maxsize

    def shutdown(self, immediate: bool = False) -> None:
        """Forbids putting, for all processes; what is in the queue can be taken, or is thrown away if ``immediate``."""
        _shut_down(self._block(), bool(immediate))

    def close(self) -> None:
        """Forbids further use in this process, and gives up its share. Again: nothing happens."""
        self._parcel = None
        self._errors = []
        self._handle.close()

    def join_thread(self) -> None:
        """Returns at once: what this process has put is in the queue. Here for CPython's sake."""
        assert self._handle.closed, f"Queue {self!r} not closed"

    def cancel_join_thread(self) -> None:
        """Does nothing: there is no thread whose data could be lost. Here for CPython's sake."""

    def __class_getitem__(cls, item: object) -> "type[Queue]":
        return cls

    def __reduce__(self) -> "Any":
        raise RuntimeError(
            f"{type(self).__name__} objects travel by queues, connections and arguments of this package only, not by pickle"
        )

    def __repr__(self) -> str:
        name = "" if self._handle.name is None else f" {self._handle.name!r}"
        if self._handle.closed:
            return f"<{type(self).__name__}{name} (closed)>"
        return f"<{type(self).__name__} {self._number}{name}>"


def _split_run(run: bytearray, count: int) -> "list[tuple[int, bytes]]":
    """The tags and bytes of the messages of a run."""
    messages = []
    at = 0
    for _ in range(count):
        length, rest = _HEAD.unpack_from(run, at)
        begin = at + _UNIT
        messages.append((rest // _RUN_TAG, bytes(run[begin : begin + length])))
        at = begin + (length + _UNIT - 1) // _UNIT * _UNIT
    return messages


def _part(index: int, value: "Any") -> "Any":
    """One of many values, ready to be put."""
    if type(value) is bytes and len(value) >= _LONG_BYTES:
        return BYTES, value, None
    try:
        dumped = reduction.dumps(value)
    except reduction.ReductionError as error:
        raise reduction.ReductionError(f"{error} (value {index} of many)") from None
    return VALUE, dumped.data, dumped


def _run_of(batch: "list[Any]", begin: int) -> "tuple[bytes, int]":
    """The run of short messages from there on, and how many they are."""
    run = bytearray()
    count = 0
    for tag, data, dumped in batch[begin : begin + SIZE // _UNIT]:
        if tag == BYTES or dumped.attachments or len(run) + len(data) + 2 * _UNIT > SIZE:
            break
        run += _HEAD.pack(len(data), tag * _RUN_TAG)
        run += data
        run += bytes(-len(data) % _UNIT)
        count += 1
    return bytes(run), count


class JoinableQueue(Queue):
    """A queue that counts what has been put and not been dealt with.

    Each ``get`` is followed by one :meth:`task_done`, and :meth:`join` waits for the last.
    """

    _is_joinable = True

    def task_done(self) -> None:
        """Says that one value that was taken has been dealt with.

        Raises:
            ValueError: If that has been said of every value already.
        """
        if _task_done(self._block()) == 0:
            raise ValueError("task_done() called too many times")

    def join(self) -> None:
        """Waits until every value put has been dealt with.

        Raises:
            OwnerDiedError: If it never will be: a process took values and ended without dealing with them.
            EOFError: If nobody is left who could.
        """
        number = self._block()
        status = wait_for(lambda left: _join(number, left), None)
        if status == QUEUE_ABANDONED:
            raise self._abandoned(number)
        if status == ORPHANED:
            raise EOFError(f"Cannot join: nobody is left who could take from {self!r} or acknowledge")

    def _abandoned(self, number: int) -> Exception:
        from ._owner import owner_of, told_of
        from .errors import OwnerDiedError

        taker = c_uint32()
        messages = _abandoned(number, ctypes.byref(taker))
        what = "a value that it had taken" if messages == 1 else f"{messages} values that it had taken"
        message = f"Cannot join {self!r}: {told_of(taker.value)} without acknowledging {what}"
        owner = owner_of(taker.value)
        if owner is None:
            return OwnerDiedError(message)
        return OwnerDiedError(message, owner.pid, owner.process_name or None, owner.exitcode)


class SimpleQueue:
    """A queue without a limit, without timeouts and without acknowledgements."""

    def __init__(self, *, ctx: object = None, name: "Optional[str]" = None) -> None:
        """A new, empty queue."""
        self._queue = Queue(name=name)

    def _open(self) -> Queue:
        if self._queue._handle.closed:
            raise OSError("handle is closed")
        return self._queue

    def empty(self) -> bool:
        """Whether the queue holds nothing."""
        return self._open().empty()

    def get(self) -> "Any":
        """Takes the first value, waiting for one; as :meth:`Queue.get`."""
        return self._open().get()

    def put(self, obj: "Any") -> None:
        """Puts a value; as :meth:`Queue.put`."""
        self._open().put(obj)

    def get_many(self, max: int) -> "list[Any]":
        """Takes the values that are there; as :meth:`Queue.get_many`."""
        return self._open().get_many(max)

    def put_many(self, values: "Iterable[Any]") -> int:
        """Puts values in their order; as :meth:`Queue.put_many`."""
        return self._open().put_many(values)

    def close(self) -> None:
        """Forbids further use in this process, and gives up its share. Again: nothing happens."""
        self._queue.close()

    def __class_getitem__(cls, item: object) -> "type[SimpleQueue]":
        return cls

    def __reduce__(self) -> "Any":
        return self._queue.__reduce__()

    def __repr__(self) -> str:
        return repr(self._queue).replace("Queue", "SimpleQueue", 1)


def _restore_simple(data: "Any", message: reduction.Incoming) -> SimpleQueue:
    if type(data) is not Queue:
        raise reduction.MessageError("Cannot restore a SimpleQueue: it has no queue")
    self = SimpleQueue.__new__(SimpleQueue)
    self._queue = data
    return self


for _class in (Queue, JoinableQueue):
    reduction.register(_class, _class.__name__, reduce=_class._reference, restore=_class._adopted)
reduction.register(SimpleQueue, "SimpleQueue", reduce=lambda queue, message: queue._open(), restore=_restore_simple)
