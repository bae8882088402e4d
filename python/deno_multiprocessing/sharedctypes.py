"""Values, arrays and structures in shared memory, by the names of CPython's `multiprocessing.sharedctypes`.

A value without a lock is a ctypes object, as CPython's is; one with a lock is a `Synchronized`, whose `get_obj()` is that
object. An array that Deno has made without a lock arrives as an array of numpy's where numpy is installed, else as a
memoryview: of the same memory, without a copy. All of them travel in messages to any process of the tree.

Types are named by CPython's typecodes, by the names that say their size, such as `"f64"`, and by types of ctypes.
"""

from __future__ import annotations

import ctypes

from . import _memory, reduction
from ._memory import Place
from .synchronize import Lock, RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = [
    "Array",
    "RawArray",
    "RawValue",
    "Synchronized",
    "SynchronizedArray",
    "SynchronizedString",
    "Value",
    "copy",
    "synchronized",
]

_TYPES: dict[str, Any] = {
    "c": ctypes.c_char,
    "b": ctypes.c_byte,
    "B": ctypes.c_ubyte,
    "u": ctypes.c_wchar,
    "h": ctypes.c_short,
    "H": ctypes.c_ushort,
    "i": ctypes.c_int,
    "I": ctypes.c_uint,
    "l": ctypes.c_long,
    "L": ctypes.c_ulong,
    "q": ctypes.c_longlong,
    "Q": ctypes.c_ulonglong,
    "f": ctypes.c_float,
    "d": ctypes.c_double,
    "i8": ctypes.c_int8,
    "u8": ctypes.c_uint8,
    "i16": ctypes.c_int16,
    "u16": ctypes.c_uint16,
    "i32": ctypes.c_int32,
    "u32": ctypes.c_uint32,
    "i64": ctypes.c_int64,
    "u64": ctypes.c_uint64,
    "f32": ctypes.c_float,
    "f64": ctypes.c_double,
}
"""Types of ctypes by the codes that both languages have."""

_CODES: dict[Any, str] = {}
for _code, _type in _TYPES.items():
    _CODES.setdefault(_type, _code)

_MOST_FIELDS = 10_000
_MOST_LEVELS = 64


class _Scalar:
    """A single value in shared memory: extended together with the type of ctypes."""

    _code = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"  # type: ignore[attr-defined]


class _Structure:
    """A structure in shared memory: extended together with `ctypes.Structure`, or a class that extends it."""

    _spec: dict[str, Any] = {}

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._spec)
        return f"{type(self).__name__}({fields})"


class _StructureArray:
    """An array of structures in shared memory: extended together with `ctypes.Array`."""


_scalars: dict[str, Any] = {}
_structures: dict[Any, Any] = {}
"""Classes of structures, by the program's own."""
_received: dict[Any, Any] = {}
"""Classes of structures that messages have brought, by their fields."""
_MOST_RECEIVED = 1024
"""Anybody who sends may make up as many as he likes."""


def _scalar_class(code: str) -> Any:
    """The class of single values of a type."""
    found = _scalars.get(code)
    if found is None:
        base = _TYPES[code]
        found = _scalars[code] = type(base.__name__, (_Scalar, base), {"_code": code})
    return found


def _structure_array_class(element: Any, length: int) -> Any:
    return type(
        f"{element.__name__}_Array_{length}", (_StructureArray, ctypes.Array), {"_type_": element, "_length_": length}
    )


def _array_class(element: Any, length: int) -> Any:
    """The class of arrays of a type of ctypes."""
    return _structure_array_class(element, length) if issubclass(element, _Structure) else element * length


def _structure_class(own: Any) -> Any:
    """The class of the structures in shared memory whose fields a class of the program's has."""
    if issubclass(own, _Structure):
        return own
    found = _structures.get(own)
    if found is None:
        spec = _spec_of(own, 1)
        found = _structures[own] = type(own.__name__, (_Structure, own), {"_spec": spec})
    return found


def _spec_of(own: Any, level: int) -> dict[str, Any]:
    """How a message describes the fields of a structure."""
    if level > _MOST_LEVELS:
        raise TypeError(f"Cannot share {own.__name__}: structures lie more than {_MOST_LEVELS} deep in it")
    if getattr(own, "_pack_", 0):
        raise TypeError(f"Cannot share {own.__name__}: it is packed, and Deno lays structures out as C does")
    spec: dict[str, Any] = {}
    for name, field, *bits in _fields_of(own):
        if bits:
            raise TypeError(f"Cannot share {own.__name__}: its field {name!r} is of single bits")
        spec[name] = _field_spec(own, name, field, level)
    return spec


def _field_spec(own: Any, name: str, field: Any, level: int) -> Any:
    code = getattr(field, "_code", None) or _CODES.get(field)
    if code is not None:
        return code
    if issubclass(field, ctypes.Array):
        element = _CODES.get(field._type_)
        if element is not None:
            return [element, field._length_]
    elif issubclass(field, ctypes.Structure):
        return _spec_of(field, level + 1)
    raise TypeError(f"Cannot share {own.__name__}: its field {name!r} is of {field.__name__}, which Deno has no type for")


def _class_of_spec(spec: Any) -> Any:
    """The class of the structures that a message describes."""
    try:
        return _class_in(spec, [_MOST_FIELDS], 1)
    except (TypeError, ValueError, OverflowError, MemoryError):
        raise _malformed("a Structure") from None


def _class_in(spec: Any, budget: list[int], level: int) -> Any:
    if not isinstance(spec, dict) or level > _MOST_LEVELS:
        raise _malformed("a Structure")
    fields: list[tuple[str, Any]] = []
    for name, part in spec.items():
        budget[0] -= 1
        # Such names would be read as something else by ctypes or by Python.
        if budget[0] < 0 or not isinstance(name, str) or (name.startswith("_") and name.endswith("_")):
            raise _malformed("a Structure")
        fields.append((name, _field_class(part, budget, level)))
    key = tuple(fields)
    found = _received.get(key)
    if found is None:
        found = type("Structure", (_Structure, ctypes.Structure), {"_spec": spec, "_fields_": fields})
        _keep(_received, key, found)
    return found


def _keep(known: dict[Any, Any], key: Any, cls: Any) -> None:
    if len(known) >= _MOST_RECEIVED:
        known.pop(next(iter(known)), None)
    known[key] = cls


def _field_class(part: Any, budget: list[int], level: int) -> Any:
    if isinstance(part, str) and part in _TYPES:
        return _TYPES[part]
    if isinstance(part, list):
        if len(part) == 2 and isinstance(part[0], str) and part[0] in _TYPES and _is_length(part[1]):
            return _TYPES[part[0]] * part[1]
        raise _malformed("a Structure")
    return _class_in(part, budget, level + 1)


def _is_length(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**40


def _malformed(what: str) -> Exception:
    return reduction.MessageError(f"Cannot restore {what}: its description is malformed")


def _has_views(cls: Any) -> bool:
    """Whether Deno shows parts of such an object as typed arrays, for which it needs pages of their own."""
    if issubclass(cls, ctypes.Array):
        return not issubclass(cls, _StructureArray) or _has_views(cls._type_)
    if issubclass(cls, ctypes.Structure):
        return any(_has_views(field) for _, field, *_ in _fields_of(cls))
    return False


def _fields_of(cls: Any) -> list[Any]:
    fields: list[Any] = []
    for base in reversed(cls.__mro__):
        fields.extend(base.__dict__.get("_fields_", ()))
    return fields


def _shared_class(typecode_or_type: Any, action: str) -> Any:
    """The class of what is shared of that type."""
    if isinstance(typecode_or_type, str):
        if typecode_or_type in _TYPES:
            return _scalar_class(typecode_or_type)
    elif isinstance(typecode_or_type, type):
        if issubclass(typecode_or_type, _Scalar):
            return typecode_or_type
        code = _CODES.get(typecode_or_type)
        if code is not None:
            return _scalar_class(code)
        if issubclass(typecode_or_type, ctypes.Structure):
            return _structure_class(typecode_or_type)
    codes = ", ".join(repr(code) for code in _TYPES)
    raise TypeError(
        f"Cannot {action}: bad typecode {typecode_or_type!r}, wanted {codes}, a type of ctypes or a ctypes.Structure"
    )


def RawValue(typecode_or_type: Any, *args: Any) -> Any:
    """A value or structure in shared memory, without a lock: a ctypes object.

    Args:
        typecode_or_type: A typecode, the name of a type, a type of ctypes or a subclass of `ctypes.Structure`.
        *args: What its constructor takes; it is 0 without.

    Raises:
        TypeError: If that is no type, or the constructor refuses what is given.
        MemoryError: If there is no memory left.

    Example:
        >>> def report(queue):
        ...     progress = RawValue("d", 0.5)
        ...     queue.put(progress)
    """
    return _raw_value(typecode_or_type, args, _memory.new_place)


def _raw_value(typecode_or_type: Any, args: tuple[Any, ...], reserve: Callable[[int, bool], Place]) -> Any:
    cls = _shared_class(typecode_or_type, "create a value")
    if args:
        cls(*args)  # refuses what it cannot be, before there is memory for it
    obj = reserve(ctypes.sizeof(cls), _has_views(cls)).object(cls)
    if args:
        obj.__init__(*args)
    return obj


def RawArray(typecode_or_type: Any, size_or_initializer: Any) -> Any:
    """An array in shared memory, without a lock: a ctypes array. numpy sees the same memory by `numpy.frombuffer`.

    Args:
        typecode_or_type: As of `RawValue`.
        size_or_initializer: The length, and the elements are 0; or what they begin as.

    Raises:
        TypeError: If that is no type, or the initializer has elements of another kind.
        ValueError: If the length is negative.
        MemoryError: If there is not as much memory.

    Example:
        >>> def squares(queue):
        ...     queue.put(RawArray("i", [n * n for n in range(100)]))
    """
    cls = _shared_class(typecode_or_type, "create an array")
    element = cls if issubclass(cls, _Structure) else _TYPES[cls._code]
    if isinstance(size_or_initializer, int):
        if size_or_initializer < 0:
            raise ValueError(f"Cannot create an array: the length is {size_or_initializer}, wanted 0 or more")
        return _new_array(element, size_or_initializer)
    given = size_or_initializer
    if isinstance(given, str) and element is ctypes.c_char:
        given = given.encode()
    elements = list(given)
    if element is ctypes.c_char:
        elements = [bytes([it]) if isinstance(it, int) else it for it in elements]
    own = (element * len(elements))(*elements)  # refuses what it cannot hold, before there is memory for it
    array = _new_array(element, len(elements))
    ctypes.memmove(array, own, ctypes.sizeof(own))
    return array


def _new_array(element: Any, length: int) -> Any:
    cls = _array_class(element, length)
    return _memory.new_place(ctypes.sizeof(element) * length, _has_views(cls)).object(cls)


def Value(typecode_or_type: Any, *args: Any, lock: Any = True) -> Any:
    """A value or structure in shared memory, with a lock.

    Getting and setting it take the lock each. What needs both, such as `+=`, needs the lock around it.

    Args:
        typecode_or_type: As of `RawValue`.
        *args: What its constructor takes; it is 0 without.
        lock: The Lock or RLock to use; `True` or `None`: a new RLock; `False`: none.

    Raises:
        TypeError: If that is no type, or the constructor refuses what is given.
        AttributeError: If `lock` is no lock.
        MemoryError: If there is no memory left.

    Example:
        >>> def count(counter):
        ...     with counter.get_lock():
        ...         counter.value += 1
    """
    if lock is False:
        return RawValue(typecode_or_type, *args)
    if lock is not True and lock is not None:
        return _wrapped(RawValue(typecode_or_type, *args), _required(lock), False, False)
    in_cell = False

    def reserve(size: int, has_views: bool) -> Place:
        nonlocal in_cell
        cell = _memory.new_guarded_place(size, has_views)
        in_cell = cell is not None
        return cell or _memory.new_place(size, has_views)

    raw = _raw_value(typecode_or_type, args, reserve)
    own = RLock._of(_required_place(raw).handle, True) if in_cell else RLock()
    return _wrapped(raw, own, True, in_cell)


def Array(typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True) -> Any:
    """An array in shared memory, with a lock. Each access takes the lock; for several at full speed, take it and use
    `get_obj()`.

    Args:
        typecode_or_type: As of `RawValue`.
        size_or_initializer: The length, and the elements are 0; or what they begin as.
        lock: The Lock or RLock to use; `True` or `None`: a new RLock; `False`: none.

    Raises:
        TypeError: If that is no type, or the initializer has elements of another kind.
        ValueError: If the length is negative.
        AttributeError: If `lock` is no lock.
        MemoryError: If there is not as much memory.

    Example:
        >>> def double(numbers):
        ...     with numbers.get_lock():
        ...         for index, number in enumerate(numbers.get_obj()):
        ...             numbers[index] = 2 * number
    """
    if lock is False:
        return RawArray(typecode_or_type, size_or_initializer)
    is_own = lock is True or lock is None
    given = RLock() if is_own else _required(lock)
    cls = _shared_class(typecode_or_type, "create an array")
    code = None if issubclass(cls, _Structure) else cls._code
    return _wrapped_array(RawArray(typecode_or_type, size_or_initializer), code, given, is_own)


def copy(obj: Any) -> Any:
    """A copy in new shared memory, without a lock.

    Raises:
        TypeError: If `obj` is not what `RawValue` or `RawArray` makes.
    """
    _require_raw(obj, "copy")
    if isinstance(obj, ctypes.Array):
        made = _new_array(obj._type_, obj._length_)
    else:
        cls = type(obj)
        made = _memory.new_place(ctypes.sizeof(cls), _has_views(cls)).object(cls)
    ctypes.memmove(ctypes.addressof(made), ctypes.addressof(obj), ctypes.sizeof(obj))
    return made


def synchronized(obj: Any, lock: Any = None, ctx: object = None) -> Any:
    """Gives a lock to what has none.

    Args:
        obj: What `RawValue` or `RawArray` has made.
        lock: The Lock or RLock to use; a new RLock if absent.
        ctx: Is ignored: there is one context.

    Raises:
        TypeError: If `obj` is something else.
        AttributeError: If `lock` is no lock.
    """
    _require_raw(obj, "synchronize")
    own = RLock() if lock is None else _required(lock)
    if isinstance(obj, ctypes.Array):
        code = None if isinstance(obj, _StructureArray) else _CODES[obj._type_]
        return _wrapped_array(obj, code, own, lock is None)
    return _wrapped(obj, own, lock is None, False)


def _require_raw(obj: Any, action: str) -> None:
    is_array = isinstance(obj, ctypes.Array) and (isinstance(obj, _StructureArray) or obj._type_ in _CODES)
    if (is_array or isinstance(obj, (_Scalar, _Structure))) and _memory.place_of(obj) is not None:
        return
    raise TypeError(f"Cannot {action} {obj!r}: wanted what RawValue or RawArray returns")


def _required(lock: Any) -> Any:
    if isinstance(lock, (Lock, RLock)):
        return lock
    raise AttributeError(f"Cannot use {lock!r} as a lock: it has no method 'acquire' of a Lock or an RLock of this package")


def _required_place(obj: Any) -> Place:
    place = _memory.place_of(obj)
    if place is None:
        raise reduction.ReductionError(f"Cannot share {obj!r}: it is in memory of this process alone")
    return place


class Synchronized:
    """A value in shared memory with a lock. Made by `Value` and `synchronized`."""

    def __init__(self, obj: Any, lock: Any, is_own: bool, in_cell: bool = False) -> None:
        self._obj = obj
        self._lock = lock
        self._is_own = is_own
        self._in_cell = in_cell
        self.acquire = lock.acquire
        self.release = lock.release

    def __enter__(self) -> bool:
        return bool(self._lock.__enter__())

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._lock.__exit__(kind, error, traceback)

    def get_obj(self) -> Any:
        """What is guarded, for use without the lock or while it is held: a ctypes object."""
        return self._obj

    def get_lock(self) -> Any:
        """The lock."""
        return self._lock

    @property
    def value(self) -> Any:
        """The value. Getting and setting it take the lock.

        Raises:
            OwnerDiedError: If the holder of the lock died.
        """
        with self._lock:
            return self._obj.value

    @value.setter
    def value(self, value: Any) -> None:
        with self._lock:
            self._obj.value = value

    def __repr__(self) -> str:
        return f"<{type(self).__name__} wrapper for {self._obj!r}>"

    __reduce__ = Lock.__reduce__

    def _label(self) -> str:
        return type(self).__name__

    def _protection(self) -> list[object]:
        return [None if self._in_cell else self._lock, self._is_own]

    def _data(self, message: Any) -> list[object]:
        return [self._obj, self._protection()]


class SynchronizedStructure(Synchronized):
    """A structure in shared memory with a lock: its fields are properties, which take the lock each. Made by `Value`."""

    value = property(  # type: ignore[assignment]
        lambda self: self._no_value(), doc="There is none: a structure has fields."
    )

    def _no_value(self) -> Any:
        raise AttributeError(f"{type(self._obj).__name__} has no 'value': it is a structure, and has fields")


class SynchronizedArray(Synchronized):
    """An array in shared memory with a lock. Made by `Array`. Each access takes the lock; iterating takes it for each
    element anew."""

    value = property(  # type: ignore[assignment]
        lambda self: self._no_value(), doc="There is none: an array has elements."
    )

    def __init__(self, obj: Any, lock: Any, is_own: bool, code: str | None) -> None:
        super().__init__(obj, lock, is_own)
        self._code = code

    def _no_value(self) -> Any:
        raise AttributeError("an array has no 'value' unless it is of characters: it has elements")

    def __len__(self) -> int:
        return len(self._obj)

    def __getitem__(self, index: Any) -> Any:
        with self._lock:
            return self._obj[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        with self._lock:
            self._obj[index] = value

    def __getslice__(self, start: int, stop: int) -> Any:
        return self[start:stop]

    def __setslice__(self, start: int, stop: int, values: Any) -> None:
        self[start:stop] = values

    def __iter__(self) -> Iterator[Any]:
        for index in range(len(self._obj)):
            yield self[index]

    def _data(self, message: Any) -> list[object]:
        return [self._obj, self._code, self._protection()]


class SynchronizedString(SynchronizedArray):
    """An array of characters in shared memory with a lock. Made by `Array("c", ...)` and `Array("u", ...)`."""

    @property
    def value(self) -> Any:
        """The characters before the first NUL. Getting and setting it take the lock."""
        with self._lock:
            return self._obj.value

    @value.setter
    def value(self, value: Any) -> None:
        with self._lock:
            self._obj.value = value

    @property
    def raw(self) -> Any:
        """All bytes. Getting and setting it take the lock."""
        with self._lock:
            return self._obj.raw

    @raw.setter
    def raw(self, value: Any) -> None:
        with self._lock:
            self._obj.raw = value


_wrappers: dict[Any, Any] = {}
"""Classes of synchronized structures, by the class of what they wrap."""


def _wrapped(raw: Any, lock: Any, is_own: bool, in_cell: bool) -> Any:
    """A value or structure with its lock."""
    if isinstance(raw, _Scalar):
        return Synchronized(raw, lock, is_own, in_cell)
    cls = type(raw)
    wrapper = _wrappers.get(cls)
    if wrapper is None:
        fields = {name: _field_property(name) for name, *_ in _fields_of(cls)}
        wrapper = type("SynchronizedStructure", (SynchronizedStructure,), fields)
        _keep(_wrappers, cls, wrapper)
    return wrapper(raw, lock, is_own, in_cell)


def _field_property(name: str) -> property:
    def get(self: Any) -> Any:
        with self._lock:
            return getattr(self._obj, name)

    def put(self: Any, value: Any) -> None:
        with self._lock:
            setattr(self._obj, name, value)

    return property(get, put)


def _wrapped_array(raw: Any, code: str | None, lock: Any, is_own: bool) -> Any:
    cls = SynchronizedString if code in ("c", "u") else SynchronizedArray
    return cls(raw, lock, is_own, code)


def _reduce_scalar(scalar: Any, message: Any) -> list[object]:
    return [scalar._code, _required_place(scalar).reference(message)]


def _restore_scalar(data: Any, message: Any) -> Any:
    code, reference = _parts(data, 2, "a value")
    if not isinstance(code, str) or code not in _TYPES:
        raise reduction.MessageError("Cannot restore a value: bad typecode")
    cls = _scalar_class(code)
    size = ctypes.sizeof(cls)
    return _memory.restored_place(reference, message, size, size).object(cls)


def _reduce_structure(structure: Any, message: Any) -> list[object]:
    return [structure._spec, _required_place(structure).reference(message)]


def _restore_structure(data: Any, message: Any) -> Any:
    spec, reference = _parts(data, 2, "a Structure")
    cls = _class_of_spec(spec)
    return _memory.restored_place(reference, message, ctypes.sizeof(cls), ctypes.alignment(cls)).object(cls)


def _reduce_structure_array(array: Any, message: Any) -> list[object]:
    return [array._type_._spec, len(array), _required_place(array).reference(message)]


def _restore_structure_array(data: Any, message: Any) -> Any:
    spec, length, reference = _parts(data, 3, "an array of structures")
    if not _is_length(length):
        raise _malformed("an array of structures")
    element = _class_of_spec(spec)
    size = ctypes.sizeof(element) * length
    place = _memory.restored_place(reference, message, size, ctypes.alignment(element))
    return place.object(_structure_array_class(element, length))


def _restore_synchronized(data: Any, message: Any) -> Any:
    raw, protection = _parts(data, 2, "a Synchronized")
    if not isinstance(raw, (_Scalar, _Structure)):
        raise reduction.MessageError("Cannot restore a Synchronized: it has no value")
    lock, is_own = _parts(protection, 2, "a Synchronized")
    if lock is not None:
        return _wrapped(raw, _restored_lock(lock), is_own is True, False)
    place = _required_place(raw)
    if not place.buffer.begins:
        raise reduction.MessageError("Cannot restore a Synchronized: it has no lock")
    return _wrapped(raw, RLock._of(place.handle, True), True, True)


def _restore_synchronized_array(data: Any, message: Any) -> Any:
    raw, code, protection = _parts(data, 3, "a SynchronizedArray")
    lock, is_own = _parts(protection, 2, "a SynchronizedArray")
    lock = _restored_lock(lock)
    if isinstance(raw, _StructureArray):
        return _wrapped_array(raw, None, lock, is_own is True)
    found = _memory.place_of_view(raw) if isinstance(code, str) and code in _TYPES else None
    if found is None:
        raise reduction.MessageError("Cannot restore a SynchronizedArray: it is no shared memory of a known type")
    place, length = found
    element = _TYPES[code]
    if getattr(raw, "itemsize", 0) != ctypes.sizeof(element):
        raise reduction.MessageError("Cannot restore a SynchronizedArray: its elements are of another type")
    return _wrapped_array(place.object(element * length), code, lock, is_own is True)


def _restored_lock(lock: Any) -> Any:
    if isinstance(lock, (Lock, RLock)):
        return lock
    raise reduction.MessageError("Cannot restore a synchronized object: it has no lock")


def _parts(data: Any, count: int, what: str) -> list[Any]:
    if isinstance(data, list) and len(data) == count:
        return data
    raise _malformed(what)


def _restore_type(data: Any, message: Any) -> Any:
    return _class_of_spec(data)


def _reduce(instance: Any, message: Any) -> object:
    return instance._data(message)


reduction.register(_Scalar, "multiprocessing.Scalar", reduce=_reduce_scalar, restore=_restore_scalar)
reduction.register(_Structure, "multiprocessing.Structure", reduce=_reduce_structure, restore=_restore_structure)
reduction.register(
    _StructureArray,
    "multiprocessing.StructureArray",
    reduce=_reduce_structure_array,
    restore=_restore_structure_array,
)
reduction.register(None, "multiprocessing.StructureType", reduce=None, restore=_restore_type)
reduction.register(Synchronized, "multiprocessing.Synchronized", reduce=_reduce, restore=_restore_synchronized)
reduction.register(
    SynchronizedStructure,
    "multiprocessing.SynchronizedStructure",
    reduce=_reduce,
    restore=_restore_synchronized,
)
reduction.register(
    SynchronizedArray,
    "multiprocessing.SynchronizedArray",
    reduce=_reduce,
    restore=_restore_synchronized_array,
)
