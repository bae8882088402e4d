"""One direction between a pool and its workers: a queue of frames in shared memory.

A frame is one message of the queue, so whoever takes it has taken all of it. What its bytes are is the table of
src/queues/frame.ts; the header comes first and has a fixed size, so even if the list behind it cannot be read, the
receiver knows which task it belongs to.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections import namedtuple

from . import queues, reduction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence, Tuple, Union

    Received = Union["Frame", "_Ended", None]

#: Kind, flags, number of raws, task, function, length of the list, begun, duration.
_HEAD = struct.Struct("<BBHIIIIf")
#: Place in the list and length of a raw.
_RAW = struct.Struct("<II")
_ALIGNMENT = 16
_NUMBER = 8
#: In the place of the number of raws: the list has nothing but numbers in it.
_NUMBERS = 65_535
#: The length from which a list of numbers bypasses the serialiser.
_MANY_NUMBERS = 16
#: The length from which bytes bypass the serialiser.
_LONG_BYTES = 4096


class _Ended:
    """The end of what can be received: the other side is gone."""

    def __repr__(self) -> str:
        return "ENDED"


ENDED = _Ended()


#: What a frame says besides its list: `kind`; `flags`; the number of the `task`; `fn`, the number of the function where
#: the kind has one, or the place of the item of a report; `begun`, how often a task was begun before, or when an answer's
#: was, on the worker's clock; `duration`, how many milliseconds the task of an answer took.
Head = namedtuple("Head", ["kind", "flags", "task", "fn", "begun", "duration"], defaults=[0, 0, 0, 0, 0.0])


class Frame:
    """A frame that was received."""

    def __init__(self, data: Union[bytes, bytearray], holds: Sequence[int]) -> None:
        if len(data) < _HEAD.size:
            raise reduction.MessageError(f"Cannot read a frame of {len(data)} bytes")
        self.kind, self.flags, self._raws, self.task, self.fn, self._length, self.begun, _ = _HEAD.unpack_from(data)
        self._data = data
        self._holds = holds

    def read(self) -> List[Any]:
        """Reads the list, once. Raises what the serialiser raises."""
        try:
            end = self._within(_HEAD.size + self._length)
            if self._raws == _NUMBERS:
                return self._numbers(end)
            message = reduction.Incoming("tree")
            values = reduction.loads(self._data, _HEAD.size, end, message)
            if not isinstance(values, list):
                raise reduction.MessageError("Cannot read a frame: there is no list in it")
            if self._raws:
                self._read_raws(values, end)
            return values
        finally:
            self.drop()

    def drop(self) -> None:
        """Does without the list."""
        holds, self._holds = self._holds, ()
        if holds:
            queues.unpin(holds)

    def _within(self, end: int) -> int:
        if end > len(self._data):
            raise reduction.MessageError(f"Cannot read a frame of {len(self._data)} bytes: a part of it ends at {end}")
        return end

    def _numbers(self, end: int) -> List[Any]:
        if self._length % _NUMBER != 0:
            raise reduction.MessageError(f"Cannot read a frame of numbers: {self._length} bytes are none")
        numbers = array("d")
        numbers.frombytes(self._data[_HEAD.size : end])
        return [int(number) if _is_whole(number) else number for number in numbers]

    def _read_raws(self, values: List[Any], entry: int) -> None:
        at = _aligned(self._within(entry + self._raws * _RAW.size))
        for i in range(self._raws):
            place, length = _RAW.unpack_from(self._data, entry + i * _RAW.size)
            if place >= len(values):
                raise reduction.MessageError("Cannot read a frame: a raw has no place in it")
            end = self._within(at + length)
            values[place] = bytes(memoryview(self._data)[at:end])
            at = _aligned(end)


class Channel:
    """A queue of frames. Several processes may receive: each frame goes to one of them."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def receive(self, timeout: Optional[float]) -> Received:
        """The next frame, waiting for it up to `timeout` seconds, None for ever; None if none came."""
        taken = queues.take_bytes(self._handle.block, timeout)
        if isinstance(taken, int):
            return None if taken == queues.WOULD_WAIT else ENDED
        _, data, holds = taken
        return Frame(data, holds)

    def send(self, head: Head, values: Sequence[Any]) -> int:
        """Sends a frame; its length in bytes. Raises what the serialiser raises; then nothing is sent.

        If the other side is gone, nothing happens.
        """
        raws, dumped, body, tail = _NUMBERS, None, _numbers_in(values), b""
        if body is None:
            places = [i for i, value in enumerate(values) if type(value) in _BYTES and len(value) >= _LONG_BYTES]
            del places[_NUMBERS - 1 :]
            dumped = reduction.dumps(_without(values, places))
            raws, body = len(places), dumped.data
            if places:
                tail = _tail([(place, values[place]) for place in places], _HEAD.size + len(body))
        kind, flags, task, fn, begun, duration = head
        frame = _HEAD.pack(kind, flags, raws, task, fn, len(body), begun, duration) + body + tail
        status = queues.put_bytes(self._handle.block, 0, frame, None if dumped is None else dumped.attachments)
        if status != 0 and dumped is not None:
            dumped.discard()
        return len(frame)


_BYTES = (bytes, bytearray)


def _is_whole(number: float) -> bool:
    return number.is_integer() and abs(number) < 2**53 and not (number == 0 and math.copysign(1, number) < 0)


def _numbers_in(values: Sequence[Any]) -> Optional[bytes]:
    """A list of nothing but numbers, as it bypasses the serialiser; None for any other."""
    if len(values) < _MANY_NUMBERS:
        return None
    for value in values:
        if type(value) is not float and not (type(value) is int and -(2**53) < value < 2**53):
            return None
    return array("d", values).tobytes()


def _without(values: Sequence[Any], places: Sequence[int]) -> List[Any]:
    rest = list(values)
    for place in places:
        rest[place] = None
    return rest


def _tail(raws: Sequence[Tuple[int, bytes]], entry: int) -> bytes:
    """The raws as they stand behind the list, whose end is at `entry`."""
    tail = bytearray(b"".join(_RAW.pack(place, len(raw)) for place, raw in raws))
    for _, raw in raws:
        tail.extend(bytes(_aligned(entry + len(tail)) - entry - len(tail)))
        tail.extend(raw)
    return bytes(tail)


def _aligned(at: int) -> int:
    return -(-at // _ALIGNMENT) * _ALIGNMENT


reduction.register(Channel, "multiprocessing.queues.Channel", reduce=None, restore=lambda data, message: Channel(message.adopt(data)))
