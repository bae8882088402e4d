"""Values to bytes: which object is written how, and which is refused.

No function calls itself: what is nested is on a list, since Python's own stack ends earlier than the format's 1000 levels.
"""

import struct
import sys

from . import _format as wire
from . import _registry
from ._format import MAX_DEPTH, SAFE, ReductionError
from ._inert import RegExp, Unknown
from ._passage import Outgoing

_INT16 = struct.Struct(">Bh").pack
_INT32 = struct.Struct(">Bi").pack
_UINT32 = struct.Struct(">BI").pack
_INT64 = struct.Struct(">Bq").pack
_UINT64 = struct.Struct(">BQ").pack
_FLOAT = struct.Struct(">Bd").pack
_EXTENSION8 = struct.Struct(">BBB").pack
_EXTENSION = struct.Struct(">BIB").pack
_COUNT16 = struct.Struct(">BH").pack
_REFERENCE = struct.Struct(">BBI").pack
_LENGTH_INTO = struct.Struct(">I").pack_into

_MOST = 0xFFFF_FFFF
_SHORT = 256
_FEW = 8
"""Bytes and tuples as short as this are written again where they come again: on the other side they can change."""


class Undefined:
    """Stands, as a class, for ``undefined``, where that and ``None`` are not the same."""


class _Frame:
    """A container that is being written."""

    __slots__ = ("header", "items", "kind", "rest")

    def __init__(self, kind, items, rest, header):
        self.kind = kind
        """``"list"``, ``"dict"`` and so on: says how the place of an item in it is called."""
        self.items = items
        self.rest = rest
        """The iterator over them."""
        self.header = header
        """Where the extension begins whose length is not known yet; -1 for none."""


class Encoder:
    """Writes one message."""

    def __init__(self):
        self.out = bytearray()
        self.message = Outgoing()
        self._numbers = {}
        self._keeps = []
        self._frames = []

    def dump(self, value):
        """Writes the message for a value."""
        out = self.out
        frames = self._frames
        rest = iter((value,))
        simple = _SIMPLE
        while True:
            for item in rest:
                write = simple.get(type(item))
                if write is not None:
                    write(out, item)
                    continue
                opened = self._open(item)
                if opened is not None:
                    frames.append(opened)
                    if len(frames) > MAX_DEPTH:
                        self._refuse(ReductionError(f"it is nested more than {MAX_DEPTH} levels deep"))
                    rest = opened.rest
                    break
            else:
                if not frames:
                    return
                done = frames.pop()
                if done.header >= 0:
                    _close(out, done.header)
                if not frames:
                    return
                rest = frames[-1].rest

    def _open(self, item):
        """Writes an item, or its beginning: then the frame of what is in it."""
        try:
            cls = type(item)
            opened = _CONTAINERS.get(cls) or _kind_of(item, cls)
            return opened(self, item)
        except ReductionError as error:
            self._refuse(error, item)

    def _refuse(self, error, item=None):
        """Raises what says where the value stands that is refused."""
        what = "value" if item is None else f"an object of class {type(item).__qualname__!r}"
        raise ReductionError(f"Cannot serialise {what} at {self._path()}: {error}") from None

    def _path(self):
        steps = [_step(frame) for frame in self._frames]
        path = "value" + "".join(steps)
        return path if len(path) <= 400 else f"{path[:200]} … {path[-200:]}"

    def is_known(self, item):
        """Writes a reference if the object came before; otherwise it gets its number."""
        known = self._numbers.get(id(item))
        if known is not None:
            self.out += _REFERENCE(0xD6, wire.REFERENCE, known)
            return True
        self.number(item)
        return False

    def number(self, item):
        """Gives an object its number, and keeps it: another could come in its place otherwise."""
        self._numbers[id(item)] = len(self._keeps)
        self._keeps.append(item)

    def extension(self, kind):
        """Begins an extension; where it begins."""
        header = len(self.out)
        self.out += _EXTENSION(0xC9, 0, kind)
        return header


def _step(frame):
    """How the item that is just being written is reached from its container."""
    index = len(frame.items) - frame.rest.__length_hint__() - 1
    if frame.kind == "list":
        return f"[{index}]"
    if frame.kind == "set":
        return ".values()"
    if frame.kind == "reduced":
        return ".reduce()"
    if frame.kind == "error":
        return "" if index == 0 else f".{frame.items[(index - 1) & ~1 | 1]}"
    key = f"{frame.items[index & ~1]!r:.80}"
    return f".keys({key})" if index % 2 == 0 else f"[{key}]"


def _close(out, header):
    length = len(out) - header - 6
    if length > _MOST:
        raise ReductionError("Cannot serialise value: one part of it has more than 4 GiB")
    _LENGTH_INTO(out, header + 1, length)


# What is in no container, and never comes again as a reference.


def _none(out, value):
    out.append(0xC0)


def _bool(out, value):
    out.append(0xC3 if value else 0xC2)


def _int(out, value):
    if -32 <= value < 128:
        out.append(value & 0xFF)
    elif -0x8000 <= value < 0x8000:
        out += _INT16(0xD1, value)
    elif -0x8000_0000 <= value < 0x8000_0000:
        out += _INT32(0xD2, value)
    elif 0 < value <= _MOST:
        out += _UINT32(0xCE, value)
    elif -SAFE <= value <= SAFE:
        out += _FLOAT(0xCB, value)
    elif -(1 << 63) <= value < 0:
        out += _INT64(0xD3, value)
    elif 0 < value < 1 << 64:
        out += _UINT64(0xCF, value)
    else:
        magnitude = abs(value)
        size = (magnitude.bit_length() + 7) // 8
        extension(out, wire.BIGINT, (b"\1" if value < 0 else b"\0") + magnitude.to_bytes(size, "big"))


def _float(out, value):
    out += _FLOAT(0xCB, value)


def text(out, value):
    """Writes any text."""
    try:
        data = value.encode()
    except UnicodeEncodeError:
        return extension(out, wire.STRING16, value.encode("utf-16-le", "surrogatepass"))
    size = len(data)
    if size < 32:
        out.append(0xA0 | size)
    elif size < 0x100:
        out.append(0xD9)
        out.append(size)
    elif size < 0x1_0000:
        out += _COUNT16(0xDA, size)
    else:
        out += _UINT32(0xDB, _checked(size))
    out += data


def extension(out, kind, data):
    """Writes an extension whose payload is known."""
    size = len(data)
    if size == 8:
        out.append(0xD7)
        out.append(kind)
    elif size < 0x100:
        out += _EXTENSION8(0xC7, size, kind)
    else:
        out += _EXTENSION(0xC9, _checked(size), kind)
    out += data


def count(out, size, small, limit, medium):
    """Writes the header of an array or an object."""
    if size < limit:
        out.append(small | size)
    elif size < 0x1_0000:
        out += _COUNT16(medium, size)
    else:
        out += _UINT32(medium + 1, _checked(size))


def _checked(size):
    if size > _MOST:
        raise ReductionError("one part of it has more than 4 GiB")
    return size


_SIMPLE = {type(None): _none, bool: _bool, int: _int, float: _float, str: text}


# Containers, and objects with a number.


def _bytes(encoder, value):
    if len(value) < _SHORT:
        encoder.number(value)
    elif encoder.is_known(value):
        return
    _write_bytes(encoder.out, value)


def _write_bytes(out, data):
    size = len(data)
    if size < 0x100:
        out.append(0xC4)
        out.append(size)
    else:
        out += _UINT32(0xC6, _checked(size))
    out += data


def _tuple(encoder, value):
    if len(value) > _FEW or not all(type(item) in _SIMPLE for item in value):
        return _list(encoder, value)
    encoder.number(value)
    count(encoder.out, len(value), 0x90, 16, 0xDC)
    return _Frame("list", value, iter(value), -1)


def _list(encoder, value):
    if encoder.is_known(value):
        return None
    items = tuple(value)
    count(encoder.out, len(items), 0x90, 16, 0xDC)
    return _Frame("list", items, iter(items), -1)


def _dict(encoder, value):
    if encoder.is_known(value):
        return None
    items = _pairs(value)
    for key in items[::2]:
        if type(key) is not str:
            return _mapping(encoder, items)
    count(encoder.out, len(items) // 2, 0x80, 16, 0xDE)
    return _Frame("dict", items, iter(items), -1)


def _dict_of(encoder, parts):
    """Writes what is numbered already, as a plain object of these parts."""
    items = _pairs(parts)
    count(encoder.out, len(items) // 2, 0x80, 16, 0xDE)
    return _Frame("dict", items, iter(items), -1)


def _other_dict(encoder, value):
    """An ``OrderedDict``, a ``Counter`` or another dict of a class: always a Map."""
    return None if encoder.is_known(value) else _mapping(encoder, _pairs(value))


def _mapping(encoder, items):
    return _Frame("dict", items, iter(items), encoder.extension(wire.MAP))


def _pairs(value):
    """The keys and values of a dict in turn, as they are now."""
    return tuple(part for pair in tuple(value.items()) for part in pair)


def _set(encoder, value):
    if encoder.is_known(value):
        return None
    items = tuple(value)
    return _Frame("set", items, iter(items), encoder.extension(wire.SET))


def _buffer(encoder, value):
    """Whatever has a buffer: a reference, if it is of shared memory, else its bytes."""
    if encoder.is_known(value):
        return None
    data = _registry.reduce_view(value, encoder.message)
    if data is not None:
        header = encoder.extension(wire.SHARED_VIEW)
        items = (data,)
        return _Frame("reduced", items, iter(items), header)
    if type(value) is bytearray:
        return _write_bytes(encoder.out, value)
    from . import _arrays

    found = _arrays.kind_of(value)
    if found is None:
        if not _arrays.is_numpy(value):
            raise ReductionError("no typed array has elements of its format; send its bytes, as bytes(it) makes them")
        return _dict_of(encoder, _arrays.arranged(value))
    kind, data = found
    if kind < 0:
        return _write_bytes(encoder.out, data)
    out = encoder.out
    out += _EXTENSION(0xC9, _checked(1 + len(data)), wire.VIEW)
    out.append(kind)
    out += data
    return None


def _reduced(encoder, value):
    if encoder.is_known(value):
        return None
    registration = _registry.registered(type(value))
    header = encoder.extension(wire.REDUCED)
    text(encoder.out, registration.name)
    data = registration.reduce(value, encoder.message)
    items = (data,)
    return _Frame("reduced", items, iter(items), header)


def _datetime(encoder, value):
    if value.tzinfo is None or value.utcoffset() is None:
        raise ReductionError("it has no time zone, so it is no moment; give it one, or send isoformat()")
    encoder.number(value)
    import datetime

    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    extension(encoder.out, wire.DATE, struct.pack(">d", (value - epoch) // datetime.timedelta(milliseconds=1)))


def _exception(encoder, value):
    if encoder.is_known(value):
        return None
    from . import _exceptions

    known, stack, properties = _exceptions.parts_of(value)
    header = encoder.extension(wire.ERROR)
    text(encoder.out, known)
    items = (stack if type(stack) is str else Undefined, *_pairs(properties))
    return _Frame("error", items, iter(items), header)


def _undefined(encoder, value):
    encoder.out += _EXTENSION8(0xD4, wire.UNDEFINED, 0)


def _regexp(encoder, value):
    if encoder.is_known(value):
        return
    header = encoder.extension(wire.REGEXP)
    text(encoder.out, value.source)
    text(encoder.out, value.flags)
    _close(encoder.out, header)


def _unknown(encoder, value):
    if encoder.is_known(value):
        return None
    header = encoder.extension(wire.REDUCED)
    text(encoder.out, value.name)
    items = (value.data,)
    return _Frame("reduced", items, iter(items), header)


def _numpy_scalar(encoder, value):
    kind = value.dtype.kind
    if kind in "biufU":
        item = value.item()
        write = _SIMPLE.get(type(item))
        if write is not None:
            return write(encoder.out, item)
        if kind == "f":
            return _float(encoder.out, float(item))
    if kind == "S":
        return _bytes(encoder, value.item())
    advice = {"c": "its real and imag", "M": "str() of it", "m": "str() of it"}.get(kind, "what item() gives")
    raise ReductionError(f"numpy's type {value.dtype} has no counterpart; send {advice}")


def _masked(encoder, value):
    raise ReductionError("its mask would be lost; send what filled() gives, or its data and its mask")


def _base(write):
    return lambda encoder, value: write(encoder.out, value)


def _plain_str(encoder, value):
    text(encoder.out, str.__str__(value))


_CONTAINERS = {
    bytes: _bytes,
    bytearray: _buffer,
    memoryview: _buffer,
    list: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _set,
    RegExp: _regexp,
    Unknown: _unknown,
}

_ADVICE = (
    ("datetime.date", "send isoformat()"),
    ("datetime.time", "send isoformat()"),
    ("datetime.timedelta", "send total_seconds()"),
    ("decimal.Decimal", "send str() of it"),
    ("uuid.UUID", "send str() of it"),
    ("complex", "send its real and imag"),
    ("fractions.Fraction", "send its numerator and denominator"),
    ("function", "send its name, and import it there"),
    ("module", "send its name, and import it there"),
    ("type", "send its name"),
)


def _kind_of(item, cls):
    """How an object is written that is of no common class."""
    if item is Undefined:
        return _undefined
    if _registry.registered(cls) is not None:
        return _reduced
    if isinstance(item, dict):
        return _other_dict
    if isinstance(item, (list, tuple)):
        return _list
    if isinstance(item, (set, frozenset)):
        return _set
    if isinstance(item, int):
        return _base(lambda out, value: _int(out, int(value)))
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(item, getattr(numpy, "generic", ())):
        return _numpy_scalar
    if isinstance(item, float):
        return _base(lambda out, value: _float(out, float(value)))
    if isinstance(item, str):
        return _plain_str
    if isinstance(item, bytes):
        return _bytes
    if isinstance(item, BaseException):
        return _exception
    if isinstance(item, _lazy("numpy.ma", "MaskedArray")):
        return _masked
    if numpy is not None and isinstance(item, getattr(numpy, "ndarray", ())):
        return _buffer
    if cls.__module__ == "array" or isinstance(item, bytearray):
        return _buffer
    name = cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    if isinstance(item, _lazy("datetime", "datetime")):
        return _datetime
    if isinstance(item, _lazy("collections", "deque")):
        return _list
    if _has_buffer(item):
        return _buffer
    advice = dict(_ADVICE).get(name, "register its class, or send a dict of what it holds")
    raise ReductionError(f"its class does not travel; {advice}")


def _lazy(module, name):
    """A class, if its module is loaded: there are no instances otherwise."""
    return getattr(sys.modules.get(module), name, ())


def _has_buffer(item):
    try:
        memoryview(item).release()
        return True
    except TypeError:
        return False
