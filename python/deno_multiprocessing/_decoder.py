"""Bytes to values. The bytes may come from a hostile or half-dead process.

Every length, number and tag is checked before use, no name becomes code, and no function calls itself: what is nested is on
a list. Memory grows with the message, since each item has a byte at least.
"""

import struct

from . import _format as wire
from . import _registry
from ._format import MAX_DEPTH, SAFE, MessageError

_UINT16 = struct.Struct(">H").unpack_from
_UINT32 = struct.Struct(">I").unpack_from
_INT16 = struct.Struct(">h").unpack_from
_INT32 = struct.Struct(">i").unpack_from
_UINT64 = struct.Struct(">Q").unpack_from
_INT64 = struct.Struct(">q").unpack_from
_FLOAT32 = struct.Struct(">f").unpack_from
_FLOAT64 = struct.Struct(">d").unpack_from

_FEW_HOLES = 1 << 16
"""An array may be so long whatever it holds; a longer one, as long as its message."""

_PARTS = ("dtype", "shape", "data", "fortran")
"""The properties of an array of numpy's that no typed array can be (``NdArray`` in JavaScript)."""

_UNFINISHED = object()
"""Holds the place of an object that is still being restored."""


class _Frame:
    """A container that is being read."""

    __slots__ = ("finish", "left", "more", "push", "stop", "target")

    def __init__(self, push, left, stop, target, finish, more=None):
        self.push = push
        """Takes the next item."""
        self.left = left
        """How many items are still to come; negative: up to ``stop``."""
        self.stop = stop
        self.target = target
        self.finish = finish
        """Makes the value of what was pushed; ``None``: the target is it."""
        self.more = more


class Decoder:
    """Reads one message."""

    def __init__(self, data, start, end, message):
        self.data = data
        self.at = start
        self.message = message
        self._end = end
        self._objects = []
        self._shapes = []
        self._spent = 0

    def load(self):
        """The value of the message."""
        try:
            value = self._load()
        except (IndexError, struct.error):
            raise self.malformed("it ends too early") from None
        except UnicodeDecodeError:
            raise self.malformed("a string is not valid") from None
        if self.at != self._end:
            raise self.malformed(f"{self._end - self.at} bytes follow its end")
        return value

    def malformed(self, what):
        """The error for a message that is none."""
        return MessageError(f"Cannot read message: it is malformed at byte {self.at}: {what}")

    def _load(self):
        data = self.data
        stop = self._end
        frames = []
        root = []
        push, left = root.append, 1
        while True:
            if left == 0 or left < 0 and self.at >= stop:
                if not frames:
                    return root[0]
                frame = frames.pop()
                if left == 0 and frame.stop >= 0 and self.at != frame.stop:
                    raise self.malformed("an extension is longer than its content")
                value = frame.target if frame.finish is None else frame.finish(self, frame)
                push, left, stop = frame.more
                push(value)
                continue
            at = self.at
            if at >= stop:
                raise self.malformed("a byte is wanted, none is left")
            tag = data[at]
            self.at = at = at + 1
            left -= 1
            if tag < 0x80:
                push(tag)
                continue
            if tag >= 0xE0:
                push(tag - 0x100)
                continue
            if 0xA0 <= tag < 0xC0:
                end = at + (tag & 0x1F)
                if end > stop:
                    raise self.malformed("a string is longer than its message")
                self.at = end
                push(str(data[at:end], "utf-8"))
                continue
            read = _TAGS[tag]
            value = read(self, tag, stop)
            if type(value) is not _Frame:
                push(value)
                continue
            if len(frames) >= MAX_DEPTH:
                raise self.malformed(f"it is nested more than {MAX_DEPTH} levels deep")
            value.more = (push, left, stop)
            frames.append(value)
            push, left = value.push, value.left
            if value.stop >= 0:
                stop = value.stop

    def take(self, size, stop):
        """Where the next bytes begin, which are there."""
        at = self.at
        if size > stop - at:
            raise self.malformed(f"{size} bytes are wanted, {stop - at} are left")
        self.at = at + size
        return at

    def remember(self, value):
        """Gives an object its number."""
        self._objects.append(value)
        return value

    def text(self, stop):
        """The next value, which must be text."""
        data = self.data
        tag = data[self.take(1, stop)]
        if 0xA0 <= tag < 0xC0:
            size = tag & 0x1F
        elif 0xD9 <= tag <= 0xDB:
            size = _length(self, tag - 0xD9, stop)
        elif tag in _EXTENSION_TAGS:
            size = _extension_size(self, tag, stop)
            if data[self.take(1, stop)] != wire.STRING16:
                raise self.malformed("text is wanted")
            return self.text16(self.take(size, stop), size)
        else:
            raise self.malformed("text is wanted")
        at = self.take(size, stop)
        return str(data[at : at + size], "utf-8")

    def text16(self, at, size):
        """Text in UTF-16."""
        if size % 2 != 0:
            raise self.malformed(f"a string of 16-bit units has {size} bytes")
        return str(self.data[at : at + size], "utf-16-le", "surrogatepass")

    def frozen(self, value):
        """A value as key or member: a list is a tuple, a set a frozenset, all the way down.

        Shared parts are made once, but hashing looks at them as often as they come: so that is counted.
        """
        if type(value) not in _UNHASHABLE:
            return value
        return _frozen(self, value)

    def spend(self, count):
        """Counts work that grows faster than the message, and refuses too much of it."""
        self._spent += count
        if self._spent > 64 * (self._end + 1024):
            raise self.malformed("its keys are too large")


_UNHASHABLE = frozenset([list, set, dict, bytearray])


def _frozen(decoder, value):
    """As ``frozen``, with a list of what is to be done, in which parts come before the whole."""
    known = {}
    sizes = {}
    under_way = set()
    todo = [value]
    while todo:
        item = todo[-1]
        if id(item) in known or type(item) not in _UNHASHABLE:
            todo.pop()
            continue
        if type(item) not in (list, set):
            raise decoder.malformed(f"a {type(item).__name__} is a key, or in a set")
        if type(item) is set:  # its members are frozen already
            known[id(item)] = frozenset(item)
            sizes[id(item)] = 1 + len(item)
            todo.pop()
            continue
        if id(item) not in under_way:
            under_way.add(id(item))
            decoder.spend(1 + len(item))
            for part in item:
                if id(part) in under_way and type(part) is list and id(part) not in known:
                    raise decoder.malformed("a key is a part of itself")
            todo.extend(part for part in item if type(part) in _UNHASHABLE and id(part) not in known)
            continue
        todo.pop()
        if id(item) not in known:
            sizes[id(item)] = size = 1 + sum(sizes.get(id(part), 1) for part in item)
            decoder.spend(size)
            known[id(item)] = tuple(known.get(id(part), part) for part in item)
    return known[id(value)]


def _length(decoder, width, stop):
    """A length of 1, 2 or 4 bytes, for widths of 0, 1, 2."""
    at = decoder.take(1 << width, stop)
    if width == 0:
        return decoder.data[at]
    return (_UINT16 if width == 1 else _UINT32)(decoder.data, at)[0]


# Values by their tags.


def _unknown(decoder, tag, stop):
    raise decoder.malformed(f"tag 0x{tag:02x} is not known")


def _object(decoder, size, stop):
    if 2 * size > stop - decoder.at:
        raise decoder.malformed(f"{2 * size} items are wanted, {stop - decoder.at} bytes are left")
    value = decoder.remember({})
    if size == 0:
        return value
    items = []
    return _Frame(items.append, 2 * size, -1, (value, items, len(decoder._objects) - 1), _object_done)


def _object_done(decoder, frame):
    value, items, place = frame.target
    names = items[::2]
    for name in names:
        if type(name) is not str:
            raise decoder.malformed(f"a property name is wanted, got {type(name).__name__}")
    value.update(zip(names, items[1::2]))
    return value if len(names) != 4 else _maybe_array(decoder, value, place)


def _maybe_array(decoder, value, place):
    """An object, or the array of numpy's of which it has the parts, no more and no less."""
    if tuple(value) != _PARTS:
        return value
    from . import _arrays

    found = _arrays.from_parts(value.values())
    if found is None:
        return value
    decoder._objects[place] = found
    return found


def _array(decoder, size, stop):
    data = decoder.data
    at = decoder.at
    if size > stop - at:
        raise decoder.malformed(f"{size} items are wanted, {stop - at} bytes are left")
    if size > 0 and data[at] == 0xD4 and stop - at >= 3 and data[at + 1] == wire.SHAPE:
        decoder.at = at + 3
        return _shaped(decoder, data[at + 2], size - 1, stop)
    value = decoder.remember([])
    return value if size == 0 else _Frame(value.append, size, -1, value, None)


def _shaped(decoder, number, size, stop):
    """The object of a shape, for which so many items are left."""
    shapes = decoder._shapes
    if number == len(shapes):
        shapes.append(_names(decoder, stop))
        size -= 1
    if number >= len(shapes) or len(shapes[number]) != size:
        raise decoder.malformed(f"an object of shape {number} has {size} values, which are not those of the shape")
    if size > stop - decoder.at:
        raise decoder.malformed(f"{size} items are wanted, {stop - decoder.at} bytes are left")
    value = decoder.remember({})
    if size == 0:
        return value
    items = []
    place = len(decoder._objects) - 1
    return _Frame(items.append, size, -1, (value, shapes[number], items, place), _shaped_done)


def _shaped_done(decoder, frame):
    value, names, items, place = frame.target
    value.update(zip(names, items))
    return value if len(names) != 4 else _maybe_array(decoder, value, place)


def _names(decoder, stop):
    tag = decoder.data[decoder.take(1, stop)]
    if 0x90 <= tag < 0xA0:
        size = tag & 0x0F
    elif tag == 0xDC:
        size = _length(decoder, 1, stop)
    else:
        raise decoder.malformed("an array of names is wanted")
    if size > stop - decoder.at:
        raise decoder.malformed(f"{size} names are wanted, {stop - decoder.at} bytes are left")
    return [decoder.text(stop) for _ in range(size)]


def _text(decoder, tag, stop):
    size = _length(decoder, tag - 0xD9, stop)
    at = decoder.take(size, stop)
    return str(decoder.data[at : at + size], "utf-8")


def _bytes(decoder, tag, stop):
    size = _length(decoder, tag - 0xC4, stop)
    at = decoder.take(size, stop)
    return decoder.remember(bytes(decoder.data[at : at + size]))


def _number(unpack, size):
    return lambda decoder, tag, stop: unpack(decoder.data, decoder.take(size, stop))[0]


def _float(decoder, tag, stop):
    value = _FLOAT64(decoder.data, decoder.take(8, stop))[0]
    # What JavaScript writes so is no integer of 32 bits; what is a float of Python's, it is.
    if value.is_integer() and -SAFE <= value <= SAFE and not -0x8000_0000 <= value <= 0xFFFF_FFFF:
        return int(value)
    return value


_EXTENSION_TAGS = frozenset([0xC7, 0xC8, 0xC9, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8])


def _extension_size(decoder, tag, stop):
    return 1 << (tag - 0xD4) if tag >= 0xD4 else _length(decoder, tag - 0xC7, stop)


def _extension(decoder, tag, stop):
    size = _extension_size(decoder, tag, stop)
    kind = decoder.data[decoder.take(1, stop)]
    if size > stop - decoder.at:
        raise decoder.malformed(f"{size} bytes are wanted, {stop - decoder.at} are left")
    if kind >= len(_EXTENSIONS):
        raise decoder.malformed(f"extension {kind} is not known")
    end = decoder.at + size
    value = _EXTENSIONS[kind](decoder, size, end)
    if type(value) is not _Frame and decoder.at != end:
        raise decoder.malformed(f"extension {kind} is longer than its content")
    return value


# Extensions, in the order of their numbers. Each is given its size and its end.


def _undefined(decoder, size, end):
    decoder.take(1, end)


def _reference(decoder, size, end):
    number = _UINT32(decoder.data, decoder.take(4, end))[0]
    if number >= len(decoder._objects):
        raise decoder.malformed(f"it refers to object {number}, which did not come yet")
    value = decoder._objects[number]
    if value is _UNFINISHED:
        raise decoder.malformed(f"it refers to object {number}, which is not complete yet")
    return value


def _string16(decoder, size, end):
    return decoder.text16(decoder.take(size, end), size)


def _bigint(decoder, size, end):
    if size < 2:
        raise decoder.malformed(f"a bigint has {size} bytes")
    at = decoder.take(size, end)
    magnitude = int.from_bytes(decoder.data[at + 1 : end], "big")
    return -magnitude if decoder.data[at] == 1 else magnitude


def _date(decoder, size, end):
    import datetime

    milliseconds = _FLOAT64(decoder.data, decoder.take(8, end))[0]
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    try:
        return decoder.remember(epoch + datetime.timedelta(milliseconds=milliseconds))
    except (OverflowError, ValueError):
        raise decoder.malformed(f"a Date of {milliseconds} milliseconds is no datetime") from None


def _regexp(decoder, size, end):
    from ._inert import RegExp

    source = decoder.text(end)
    return decoder.remember(RegExp(source, decoder.text(end)))


def _until(target, items, end, finish):
    """The frame of an extension whose content goes up to its end."""
    return _Frame(items.append, -1, end, (target, items), finish)


def _map(decoder, size, end):
    value = decoder.remember({})
    return _until(value, [], end, _map_done)


def _map_done(decoder, frame):
    value, items = frame.target
    if len(items) % 2 != 0:
        raise decoder.malformed("a key has no value")
    for key, item in zip(items[::2], items[1::2]):
        _hash_into(decoder, value.__setitem__, decoder.frozen(key), item)
    return value


def _hash_into(decoder, put, key, *item):
    try:
        put(key, *item)
    except TypeError:
        raise decoder.malformed(f"a {type(key).__name__} is a key, or in a set") from None


def _set(decoder, size, end):
    value = decoder.remember(set())
    return _until(value, [], end, _set_done)


def _set_done(decoder, frame):
    value, items = frame.target
    for item in items:
        _hash_into(decoder, value.add, decoder.frozen(item))
    return value


def _sparse_array(decoder, size, end):
    value = decoder.remember([])
    return _until(value, [], end, _sparse_array_done)


def _sparse_array_done(decoder, frame):
    value, items = frame.target
    if len(items) % 2 == 0 or type(items[0]) is not int or items[0] < 0:
        raise decoder.malformed("the length of an array is wanted")
    length = items[0]
    if length > _FEW_HOLES and length > decoder._end:
        raise decoder.malformed(f"an array of {length} items is nearly all holes")
    decoder.spend(length)
    value.extend([None] * length)
    for index, item in zip(items[1::2], items[2::2]):
        if type(index) is str:
            continue  # a list has no named properties
        if type(index) is not int or not 0 <= index < length:
            raise decoder.malformed(f"an integer from 0 to {length - 1} is wanted")
        value[index] = item
    return value


def _view(decoder, size, end):
    from . import _arrays

    kind = decoder.data[decoder.take(1, end)]
    at = decoder.take(size - 1, end)
    try:
        return decoder.remember(_arrays.view_of(kind, memoryview(decoder.data)[at:end]))
    except MessageError as error:
        raise decoder.malformed(str(error)) from None


def _array_buffer(decoder, size, end):
    at = decoder.take(size, end)
    return decoder.remember(bytes(decoder.data[at:end]))


def _error(decoder, size, end):
    return _error_of(decoder, decoder.text(end), {}, end)


def _error_of(decoder, known, shown, end):
    """An error of that class, of which the stack and the properties come now."""
    decoder.remember(_UNFINISHED)
    place = len(decoder._objects) - 1
    return _until((place, known, shown), [], end, _error_done)


def _error_done(decoder, frame):
    from . import _exceptions

    (place, known, shown), items = frame.target
    if len(items) % 2 == 0:
        raise decoder.malformed("an error has no stack, or a property no value")
    properties = dict(shown)
    for name, item in zip(items[1::2], items[2::2]):
        if type(name) is not str:
            raise decoder.malformed(f"a property name is wanted, got {type(name).__name__}")
        properties[name] = item
    stack = items[0] if type(items[0]) is str else None
    decoder._objects[place] = value = _exceptions.exception_of(known, stack, properties)
    return value


def _exported_error(decoder, size, end):
    label = decoder.text(end)
    for _ in range(4):
        decoder.text(end)  # where the class is, which is code of the other side
    shown = decoder.text(end)
    return _error_of(decoder, decoder.text(end), {"name": shown or label}, end)


def _dom_exception(decoder, size, end):
    message = decoder.text(end)
    name = decoder.text(end)
    shown = {"name": name, "message": message}
    decoder.remember(_UNFINISHED)
    place = len(decoder._objects) - 1
    return _until((place, "Error", shown), [], end, _dom_exception_done)


def _dom_exception_done(decoder, frame):
    (place, known, shown), items = frame.target
    skipped = 3 if items and items[0] is True else 1  # whether of a quota, and that
    frame.target = (place, known, shown), items[skipped:]
    return _error_done(decoder, frame)


def _reduced(decoder, size, end):
    decoder.remember(_UNFINISHED)
    place = len(decoder._objects) - 1
    return _until((place, decoder.text(end)), [], end, _reduced_done)


def _reduced_done(decoder, frame):
    (place, name), items = frame.target
    if not 1 <= len(items) <= 2:
        raise decoder.malformed("an instance of a class has one description")
    restore = _registry.restorer(name)
    if restore is None:
        from ._inert import unknown

        value = unknown(name, items[0])
    else:
        value = restore(items[0], decoder.message)
    decoder._objects[place] = value
    return value


def _shared_view(decoder, size, end):
    decoder.remember(_UNFINISHED)
    place = len(decoder._objects) - 1
    return _until(place, [], end, _shared_view_done)


def _shared_view_done(decoder, frame):
    place, items = frame.target
    if len(items) != 1:
        raise decoder.malformed("a view of shared memory has one description")
    decoder.message.require_here()
    decoder._objects[place] = value = _registry.restore_view(items[0], decoder.message)
    return value


def _boxed(decoder, size, end):
    return _until(None, [], end, _boxed_done)


def _boxed_done(decoder, frame):
    _, items = frame.target
    if len(items) != 1 or type(items[0]) not in (int, float, str, bool):
        raise decoder.malformed("a number, string, boolean or bigint is wanted")
    return decoder.remember(items[0])


_EXTENSIONS = (
    _undefined,
    _reference,
    _string16,
    _bigint,
    _date,
    _regexp,
    _map,
    _set,
    _sparse_array,
    _view,
    _array_buffer,
    _error,
    _reduced,
    _shared_view,
    _exported_error,
    _boxed,
    _dom_exception,
)

_TAGS = [_unknown] * 256
for _tag in range(0x80, 0x90):
    _TAGS[_tag] = lambda decoder, tag, stop: _object(decoder, tag & 0x0F, stop)
    _TAGS[_tag + 0x10] = lambda decoder, tag, stop: _array(decoder, tag & 0x0F, stop)
for _tag in range(3):
    _TAGS[0xC4 + _tag] = _bytes
    _TAGS[0xD9 + _tag] = _text
for _tag in _EXTENSION_TAGS:
    _TAGS[_tag] = _extension
for _tag in range(2):
    _TAGS[0xDC + _tag] = lambda decoder, tag, stop: _array(decoder, _length(decoder, tag - 0xDB, stop), stop)
    _TAGS[0xDE + _tag] = lambda decoder, tag, stop: _object(decoder, _length(decoder, tag - 0xDD, stop), stop)
_TAGS[0xC0] = lambda decoder, tag, stop: None
_TAGS[0xC2] = lambda decoder, tag, stop: False
_TAGS[0xC3] = lambda decoder, tag, stop: True
_TAGS[0xCA] = _number(_FLOAT32, 4)
_TAGS[0xCB] = _float
_TAGS[0xCC] = lambda decoder, tag, stop: decoder.data[decoder.take(1, stop)]
_TAGS[0xCD] = _number(_UINT16, 2)
_TAGS[0xCE] = _number(_UINT32, 4)
_TAGS[0xCF] = _number(_UINT64, 8)
_TAGS[0xD0] = lambda decoder, tag, stop: (decoder.data[decoder.take(1, stop)] ^ 0x80) - 0x80
_TAGS[0xD1] = _number(_INT16, 2)
_TAGS[0xD2] = _number(_INT32, 4)
_TAGS[0xD3] = _number(_INT64, 8)
