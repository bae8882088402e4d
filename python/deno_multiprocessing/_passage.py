"""What one message may do: who has written it, what it may name, what it speaks of."""

from __future__ import annotations

from ._format import MessageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from ._block import Block


class Outgoing:
    """A message that is being written."""

    __slots__ = ("attachments", "keeps", "offers")

    def __init__(self) -> None:
        self.attachments: "list[int]" = []
        """The blocks of shared memory that it speaks of, each once, in the order of their first use."""
        self.keeps: "list[object]" = []
        """Handles that must live until the message is where it is to go."""
        self.offers: "list[int]" = []
        """Blocks that say where to fetch a connection: to be withdrawn if the message is not sent."""

    def attach(self, block: int, keep: object = None) -> None:
        """Notes that the message speaks of a block, which is kept while the message is under way."""
        if block not in self.attachments:
            self.attachments.append(block)
        if keep is not None:
            self.keeps.append(keep)


class Incoming:
    """A message that is being read, by where it comes from.

    ``"parent"`` is the process that has started this one, ``"tree"`` any process of the tree, and ``"outside"`` anybody
    else: a message from there must not name shared memory.
    """

    __slots__ = ("arrivals", "origin")

    def __init__(self, origin: str = "tree", arrivals: "Optional[list[Any]]" = None) -> None:
        self.origin = origin
        self.arrivals = arrivals
        """Takes connections that are still to arrive; ``None``: they are waited for as they are restored."""

    def require_here(self) -> None:
        """Raises :class:`MessageError` if the message came from outside of this tree."""
        if self.origin == "outside":
            raise MessageError("Cannot receive a shared object: the message came from outside of this process tree")

    def adopt(self, reference: "Any") -> "Block":
        """A handle of the block that ``[block, generation]`` or ``[block, generation, name]`` names."""
        self.require_here()
        from ._block import Block

        block, generation, name = reference_parts(reference)
        return Block(block, generation, name or None)


def reference_parts(reference: "Any") -> "tuple[int, int, str]":
    """Block, generation and name of a reference that a message has."""
    if type(reference) is list and 2 <= len(reference) <= 3 and all(map(_is_number_of_block, reference[:2])):
        name = reference[2] if len(reference) == 3 else ""
        if type(name) is str and len(name) <= 1024:
            return reference[0], reference[1], name
    raise MessageError("Cannot restore a shared object: its reference is malformed")


def _is_number_of_block(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 32


PLAIN = Incoming()
"""A message of the tree that speaks of no shared object."""

OUTSIDE = Incoming("outside")
"""A message of somebody who may be in no tree or another one."""
