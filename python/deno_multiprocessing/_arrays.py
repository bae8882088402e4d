"""Buffers to views and back: ``bytes``, ``bytearray``, ``memoryview``, ``array.array``, numpy's arrays.

A ``Uint8Array`` is ``bytes``. Other typed arrays are numpy's arrays where numpy is installed, else ``array.array``, which
has no half precision: a ``Float16Array`` is an array of ``f`` then. An array of numpy's that a typed array cannot be, since
it has not one dimension, or another type, travels as the parts of an ``NdArray``: its type, shape and bytes.
"""

import array
import struct
import sys

from ._format import VIEWS, MessageError, ReductionError

_KINDS = {
    **{("i", size): kind for size, kind in ((1, 1), (2, 3), (4, 5), (8, 7))},
    **{("u", size): kind for size, kind in ((2, 4), (4, 6), (8, 8))},
    **{("f", size): kind for size, kind in ((4, 9), (8, 10), (2, 11))},
}
"""Places in VIEWS, by the kind and the size of elements; unsigned bytes are none of them."""

_LETTERS = {**dict.fromkeys("bhilqn", "i"), **dict.fromkeys("BHILQN", "u"), **dict.fromkeys("efd", "f"), "c": "u"}
"""Kinds of elements by the letters of ``struct``."""

_DTYPES = (None, "<i1", None, "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8", "<f2")
_CODES = (None, "b", None, "h", "H", "i", "I", "q", "Q", "f", "d", "e")
_SIZES = (1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 2)
"""For each of VIEWS: numpy's type, the letter of ``struct``, bytes of an element."""

_WIDEST = {"f": 8, "c": 16}
"""Bytes of the widest numbers that JavaScript has, by the kinds of numpy's types that may be wider."""

PARTS = ("dtype", "shape", "data", "fortran")
"""The properties of an ``NdArray``, in their order."""

_numpy = False


def numpy():
    """The module numpy; ``None`` where it is not installed."""
    global _numpy
    if _numpy is False:
        try:
            import numpy as module
        except ImportError:
            module = None
        _numpy = module
    return _numpy


def is_numpy(value):
    """Whether a value is an array or a scalar of numpy's; does not import numpy."""
    module = sys.modules.get("numpy")
    generic = getattr(module, "generic", None)
    return generic is not None and isinstance(value, (module.ndarray, generic))


def kind_of(value):
    """How a buffer of one dimension travels, and its bytes.

    The first is a place in VIEWS, or -1 for a ``Uint8Array``; ``None`` where it is of another type or shape.
    """
    try:
        view = memoryview(value)
    except (ValueError, BufferError):  # numpy's types that have no letter
        return None
    kind = _LETTERS.get(view.format.lstrip("@<=" if sys.byteorder == "little" else "@>="))
    if kind is None or view.ndim != 1:
        return None
    found = -1 if kind == "u" and view.itemsize == 1 else _KINDS.get((kind, view.itemsize))
    if found is None:
        return None
    return found, view.cast("B") if view.c_contiguous else view.tobytes()


def view_of(kind, data):
    """The array that a view of that kind is here; ``data`` is a memoryview of its bytes."""
    if not 0 <= kind < len(VIEWS):
        raise MessageError(f"view {kind} is not known")
    if len(data) % _SIZES[kind] != 0:
        raise MessageError(f"a {VIEWS[kind]} cannot have {len(data)} bytes")
    if _DTYPES[kind] is None:
        return data.tobytes()
    module = numpy()
    if module is not None:
        return module.frombuffer(bytearray(data), _DTYPES[kind]) if len(data) > 0 else module.zeros(0, _DTYPES[kind])
    if _CODES[kind] == "e":
        return array.array("f", struct.unpack(f"<{len(data) // 2}e", data))
    found = array.array(_CODES[kind])
    found.frombytes(data)
    if sys.byteorder != "little":
        found.byteswap()
    return found


def arranged(value):
    """The parts of an array of numpy's, of whatever shape, by their names."""
    module = numpy()
    kind, size = value.dtype.kind, value.dtype.itemsize
    if value.dtype.hasobject or kind not in "biufcSU":
        raise ReductionError(f"numpy's type {value.dtype} has no counterpart; send a list, as tolist() makes it")
    widest = _WIDEST.get(kind, size)
    if size > widest:
        raise ReductionError(f"numpy's type {value.dtype} has no counterpart; send astype('{kind}{widest}') of it")
    little = value.dtype.newbyteorder("<")
    is_fortran = bool(value.flags.f_contiguous and not value.flags.c_contiguous)
    flat = module.asarray(value, little).ravel(order="F" if is_fortran else "C")
    if little.kind == "c":
        flat = flat.view(f"<f{little.itemsize // 2}")
    elif little.kind in "bSU":
        flat = flat.view("u1")
    return dict(zip(PARTS, (little.str, list(value.shape), flat, is_fortran)))


def from_parts(parts):
    """The array of numpy's that an object with just these properties describes; ``None`` if it describes none."""
    dtype, shape, data, is_fortran = parts
    if type(dtype) is not str or type(shape) is not list or type(is_fortran) is not bool:
        return None
    if dtype[:1] not in ("<", "|") or dtype[1:2] not in "biufcSU" or not dtype[2:].isdecimal() or len(dtype) > 12:
        return None
    module = numpy()
    if module is None or not all(type(length) is int and 0 <= length < 1 << 62 for length in shape) or len(shape) > 32:
        return None
    try:
        own = bytearray(memoryview(data).cast("B"))
        flat = module.frombuffer(own, dtype) if len(own) > 0 else module.zeros(0, dtype)
        return flat.reshape(shape, order="F" if is_fortran else "C")
    except (TypeError, ValueError, OverflowError):
        return None
