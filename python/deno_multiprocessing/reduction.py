"""Values of any process of the tree to bytes and back, by the format that the tree's messages have.

=====================================  =================================================================
Python                                 JavaScript
=====================================  =================================================================
``None``                               ``null``; ``undefined`` is read as ``None``
``bool``, ``str``                      boolean, string, halves of surrogate pairs among them
``int``                                number up to 2**53 - 1, else bigint; both are read as ``int``
``float``                              number; read as ``int`` where it has no fraction
``bytes``, ``bytearray``               ``Uint8Array``, read as ``bytes``
numpy's arrays, ``array.array``        typed arrays; of more dimensions ``NdArray``
``list``, ``tuple``, ``deque``         Array, read as ``list``
``dict``                               plain object if every key is a ``str``, else Map
``OrderedDict`` and the like           Map, read as ``dict``
``set``, ``frozenset``                 Set, read as ``set``
aware ``datetime``                     Date, read as ``datetime`` in UTC
exceptions                             the nearest error
queues, connections, locks and so on   the same object of the tree
=====================================  =================================================================

References and cycles are kept. Nothing that is read becomes code.
"""

from __future__ import annotations

from ._decoder import Decoder
from ._encoder import Encoder, Undefined
from ._format import MessageError, ReductionError
from ._inert import RegExp, Unknown
from ._passage import OUTSIDE, PLAIN, Incoming, Outgoing
from ._registry import register, register_views

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Union

__all__ = [
    "OUTSIDE",
    "PLAIN",
    "Dumped",
    "Incoming",
    "MessageError",
    "Outgoing",
    "ReductionError",
    "RegExp",
    "Undefined",
    "Unknown",
    "dumps",
    "loads",
    "register",
    "register_views",
]


def _restore_url(data: object, message: Incoming) -> str:
    if type(data) is not str:
        raise MessageError("Cannot restore a URL: its data is no text")
    return data


register(None, "URL", reduce=None, restore=_restore_url)


class Dumped:
    """A message, and the blocks of shared memory that it speaks of."""

    __slots__ = ("_message", "data")

    def __init__(self, data: bytearray, message: Outgoing) -> None:
        self.data = data
        """A bytearray."""
        self._message = message

    @property
    def attachments(self) -> "list[int]":
        """The numbers of the blocks, which are held until the message is where it is to go, or this is dropped."""
        return self._message.attachments

    def discard(self) -> None:
        """Gives up a message that is not going to be sent. Again: nothing happens."""
        offers, self._message.offers = self._message.offers, []
        if offers:
            from .connection import withdraw

            withdraw(offers)


def dumps(value: "Any") -> Dumped:
    """The message for a value.

    Raises :class:`ReductionError`, a ``TypeError``, if a part of it cannot travel.

    >>> loads(dumps({"rows": [1, 2.5, "three"]}).data)
    {'rows': [1, 2.5, 'three']}
    """
    encoder = Encoder()
    dumped = Dumped(encoder.out, encoder.message)
    try:
        encoder.dump(value)
    except BaseException:
        dumped.discard()
        raise
    return dumped


def loads(
    data: "Union[bytes, bytearray, memoryview]",
    start: int = 0,
    end: "Optional[int]" = None,
    message: Incoming = PLAIN,
) -> "Any":
    """The value whose message ``data`` holds, from ``start`` to ``end``.

    Raises :class:`MessageError`, a ``ValueError``, if the bytes are not one whole message, or speak of what is not known
    here; what restores an instance of a class may raise other exceptions.
    """
    if type(data) is not bytes and type(data) is not bytearray:
        data = bytes(data)
    return Decoder(data, start, len(data) if end is None else end, message).load()
