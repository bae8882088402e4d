"""The numbers of the format in which values travel, and what goes wrong with it.

The format is MessagePack with extensions. ``src/reduction/format.ts`` is its other half; both change together.
"""

# Extension types.
UNDEFINED = 0  # one payload byte, 0
REFERENCE = 1  # an object that came earlier in the message: its number, 4 bytes
STRING16 = 2  # text with lone surrogates: UTF-16, little-endian
BIGINT = 3  # a sign byte (1 = negative), then the magnitude, most significant byte first
DATE = 4  # milliseconds as float64
REGEXP = 5  # source, flags
MAP = 6  # keys and values in turn
SET = 7  # members
SPARSE_ARRAY = 8  # length, then indices or names and values in turn
VIEW = 9  # the place in VIEWS, then the bytes
ARRAY_BUFFER = 10  # the bytes
ERROR = 11  # class, stack, then names and values in turn
REDUCED = 12  # registered name, what its reduce gave, for errors the stack
SHARED_VIEW = 13  # what the reducer of views gave
EXPORTED_ERROR = 14  # six texts that tell where the class is, then as ERROR
BOXED = 15  # a primitive value
DOM_EXCEPTION = 16  # message, name, whether of quotas, then maybe quota and request; stack, names and values
SHAPE = 17  # only as the first item of an array: the number of a shape

MAX_DEPTH = 1000
"""Containers nested deeper than this are refused, on both sides."""

SAFE = 2**53 - 1
"""The largest integer that a JavaScript number tells from its neighbours."""

VIEWS = (
    "DataView",
    "Int8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "BigInt64Array",
    "BigUint64Array",
    "Float32Array",
    "Float64Array",
    "Float16Array",
)
"""Kinds of views that travel by their bytes; the place in this tuple is the number on the wire."""


class ReductionError(TypeError):
    """A value cannot travel to another process; the message says which, where it stands, and what to do."""


class MessageError(ValueError):
    """Bytes are not one whole message, or speak of something that this process does not know."""
