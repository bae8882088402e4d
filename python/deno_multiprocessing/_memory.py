"""Shared memory as Python sees it: buffers over blocks, places in them, and views of them that arrive and travel.

M1. A block has one buffer in this process, which holds the handle: the memory stays as long as anything looks into it.
    ctypes objects, memoryviews and arrays of numpy's keep what they look into.
M2. What is sent is found by its address (`place_of`), whatever object looks there. So every view of shared memory travels
    as a view, as it does in Deno.
M3. What a message says is checked before anything looks there: kind and size of the block, alignment.
"""

from __future__ import annotations

import ctypes
import sys
from bisect import bisect_right, insort
from _thread import RLock as ThreadLock
from weakref import WeakValueDictionary

from . import reduction
from ._block import Block
from ._library import c_uint32, quick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# As native/c/include/multiprocessing.h numbers them.
KIND_VALUE = 7
KIND_BYTES = 8
KIND_VIEW = 17
_KIND_LOAN = 21

CELL_SIZE = 64
VALUE_OFFSET = 32
"""Where in a cell with a lock the bytes of the value begin."""
VALUE_SIZE = CELL_SIZE - VALUE_OFFSET

_kind_of = quick("mp_kind", c_uint32)

_buffers: WeakValueDictionary[tuple[int, int], Any] = WeakValueDictionary()
_by_address: WeakValueDictionary[int, Any] = WeakValueDictionary()
_addresses: list[int] = []
"""Where buffers begin, in their order; some of them are gone."""
_FEW = 64
_lock = ThreadLock()
"""Of the three. An RLock: collecting garbage may run code of the program meanwhile."""


class Place:
    """Where something lies in shared memory."""

    __slots__ = ("buffer", "offset")

    def __init__(self, buffer: Any, offset: int) -> None:
        self.buffer = buffer
        """The block's bytes as a ctypes array; of a value with a lock, those behind the lock."""
        self.offset = offset
        """Where in the buffer it begins."""

    @property
    def handle(self) -> Block:
        """The handle of the block."""
        handle: Block = self.buffer.handle
        return handle

    def object(self, cls: Any) -> Any:
        """The ctypes object of that class which lies there."""
        return cls.from_buffer(self.buffer, self.offset)

    def reference(self, message: Any) -> list[int]:
        """How a message names the place."""
        handle = self.handle
        message.attach(handle.block, handle)
        return [handle.block, handle.generation, self.buffer.begins + self.offset]


def _buffer_of(handle: Block) -> Any:
    key = (handle.block, handle.generation)
    buffer = _buffers.get(key)
    if buffer is not None:
        return buffer
    kind = _kind_of(handle.block)
    if kind not in (KIND_VALUE, KIND_BYTES, KIND_VIEW):
        raise reduction.MessageError(
            "Cannot restore a shared object: what the message names is another kind of object"
        )
    begins = VALUE_OFFSET if kind == KIND_VALUE else 0
    address = handle.address
    buffer = (ctypes.c_char * (handle.size - begins)).from_address(address)
    buffer.handle = handle
    buffer.begins = begins
    with _lock:
        known = _buffers.setdefault(key, buffer)
        if known is buffer:
            _by_address[address] = buffer
            if len(_addresses) > 2 * len(_by_address) + _FEW:
                _addresses[:] = sorted(set(_by_address.keys()) - {address})
            insort(_addresses, address)
    return known


def new_place(size: int, has_views: bool) -> Place:
    """A new place of zeroes; `has_views` says that others than single values look there."""
    if not has_views and size <= CELL_SIZE:
        return Place(_buffer_of(Block.create(KIND_BYTES, max(1, size))), 0)
    return Place(_buffer_of(Block.create(KIND_VIEW, max(1, size))), 0)


def new_guarded_place(size: int, has_views: bool) -> Place | None:
    """A new place of zeroes behind an RLock in the same cell; `None` if it does not fit there."""
    if has_views or size > VALUE_SIZE:
        return None
    return Place(_buffer_of(Block.create(KIND_VALUE, CELL_SIZE)), 0)


def restored_place(data: object, message: Any, size: int, alignment: int) -> Place:
    """The place that a message names, which has so many bytes."""
    block, generation, within = _integers(data, 3)
    buffer = _buffer_of(message.adopt([block, generation]))
    offset = within - buffer.begins
    if offset < 0 or within % alignment != 0 or offset + size > len(buffer):
        raise reduction.MessageError(
            f"Cannot restore shared memory: {size} bytes from byte {within} on are wanted, "
            f"the block has {buffer.begins + len(buffer)}"
        )
    return Place(buffer, offset)


def place_at(address: int, size: int) -> Place | None:
    """The place of what lies at an address; `None` for ordinary memory."""
    with _lock:
        buffer = None
        index = bisect_right(_addresses, address)
        while buffer is None and index > 0:
            index -= 1
            buffer = _by_address.get(_addresses[index])
    if buffer is None:
        return None
    offset = address - ctypes.addressof(buffer)
    # An array without elements may lie just behind the end.
    return Place(buffer, offset) if 0 <= offset and offset + size <= len(buffer) else None


def place_of(obj: Any) -> Place | None:
    """The place of a ctypes object; `None` if it is in ordinary memory."""
    return place_at(ctypes.addressof(obj), ctypes.sizeof(obj))


def _integers(data: object, count: int) -> list[int]:
    """So many integers, none negative, that a message brings."""
    if isinstance(data, list) and len(data) == count and all(type(it) is int and it >= 0 for it in data):
        return data
    raise reduction.MessageError("Cannot restore shared memory: the reference is malformed")


_numpy: Any = None


def numpy() -> Any:
    """The module numpy; `None` where there is none."""
    global _numpy
    if _numpy is None:
        try:
            import numpy as module
        except ImportError:
            _numpy = False
        else:
            _numpy = module
    return _numpy or None


_VIEWS = {
    "Int8Array": ("b", 1, "i1"),
    "Uint8Array": ("B", 1, "u1"),
    "Uint8ClampedArray": ("B", 1, "u1"),
    "Int16Array": ("h", 2, "i2"),
    "Uint16Array": ("H", 2, "u2"),
    "Int32Array": ("i", 4, "i4"),
    "Uint32Array": ("I", 4, "u4"),
    "BigInt64Array": ("q", 8, "i8"),
    "BigUint64Array": ("Q", 8, "u8"),
    "Float16Array": ("e", 2, "f2"),
    "Float32Array": ("f", 4, "f4"),
    "Float64Array": ("d", 8, "f8"),
}
"""Format and size of an element, and its type in numpy, by the names of typed arrays."""

_SIGNED = {1: "Int8Array", 2: "Int16Array", 4: "Int32Array", 8: "BigInt64Array"}
_UNSIGNED = {1: "Uint8Array", 2: "Uint16Array", 4: "Uint32Array", 8: "BigUint64Array"}
_FLOATING = {2: "Float16Array", 4: "Float32Array", 8: "Float64Array"}
_BY_LETTER = {
    **dict.fromkeys("bhilqn", _SIGNED),
    **dict.fromkeys("BHILQNc?uw", _UNSIGNED),
    **dict.fromkeys("efd", _FLOATING),
}
"""Names of typed arrays by size, by the letters that `struct` and ctypes have for elements."""
_BY_NUMPY_KIND = {"i": _SIGNED, "u": _UNSIGNED, "b": _UNSIGNED, "f": _FLOATING}


def view_at(place: Place, kind: str, length: int) -> Any:
    """The view of that kind: an array of numpy's where that is installed, else a memoryview."""
    if kind == "DataView":
        return memoryview(place.buffer).cast("B")[place.offset : place.offset + length]
    letter, size, dtype = _VIEWS[kind]
    module = numpy()
    if module is not None:
        return module.ndarray((length,), dtype, place.buffer, place.offset)
    taken = memoryview(place.buffer).cast("B")[place.offset : place.offset + length * size]
    try:
        return taken.cast(letter)
    except ValueError:  # older versions have no half precision
        return taken.cast("H")


def _reduce_view(view: Any, message: Any) -> list[object] | None:
    """How a view of shared memory travels; `None` if it is ordinary memory, or no typed array can be like it."""
    if not _addresses:
        return None
    found = _looks_at(view)
    if found is None:
        return None
    address, kind, length, size = found
    place = place_at(address, length * size)
    if place is None or place.handle.closed:
        return None
    block, generation, within = place.reference(message)
    return [kind, block, generation, within, length]


def _looks_at(view: Any) -> tuple[int, str, int, int] | None:
    """Where a view of one dimension looks: its address, its kind of typed array, its length, and the size of an element."""
    if isinstance(view, ctypes.Array):
        element = view._type_
        letter = getattr(element, "_type_", None)
        size = ctypes.sizeof(element)
        kinds = _BY_LETTER.get(letter) if isinstance(letter, str) else None
        kind = None if kinds is None else kinds.get(size)
        return None if kind is None else (ctypes.addressof(view), kind, len(view), size)
    module = sys.modules.get("numpy")
    if module is not None and isinstance(view, getattr(module, "ndarray", ())):
        if view.ndim != 1 or not view.flags.c_contiguous or not view.dtype.isnative:
            return None
        kind = _BY_NUMPY_KIND.get(view.dtype.kind, {}).get(view.itemsize)
        return None if kind is None else (view.ctypes.data, kind, view.size, view.itemsize)
    if isinstance(view, memoryview):
        if view.readonly or view.ndim != 1 or not view.c_contiguous:
            return None
        kind = _BY_LETTER.get(view.format.lstrip("@=<"), {}).get(view.itemsize)
        if kind is None:
            return None
        first = (ctypes.c_char * 0).from_buffer(view)
        return ctypes.addressof(first), kind, len(view), view.itemsize
    return None


def _restore_view(data: Any, message: Any) -> Any:
    if not isinstance(data, list) or len(data) != 5:
        raise reduction.MessageError("Cannot restore a view of shared memory: the reference is malformed")
    kind, *rest = data
    block, generation, offset, length = _integers(rest, 4)
    size = 1 if kind == "DataView" else _VIEWS[kind][1] if isinstance(kind, str) and kind in _VIEWS else 0
    if size == 0:
        raise reduction.MessageError(f"Cannot restore a view of shared memory: {kind!r:.80} is no kind of view")
    place = restored_place([block, generation, offset], message, length * size, size)
    if place.buffer.begins or _kind_of(block) != KIND_VIEW:
        raise reduction.MessageError("Cannot restore a view of shared memory: the block is none that has views")
    return view_at(place, kind, length)


def place_of_view(view: Any) -> tuple[Place, int] | None:
    """Where a view of shared memory looks, and how many elements it has; `None` if it is ordinary memory."""
    found = _looks_at(view)
    if found is None:
        return None
    address, _, length, size = found
    place = place_at(address, length * size)
    return None if place is None else (place, length)


reduction.register_views(reduce=_reduce_view, restore=_restore_view)
