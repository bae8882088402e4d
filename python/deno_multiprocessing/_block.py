"""Handles of blocks, the pieces of shared memory that objects are made of."""

from __future__ import annotations

from ._library import c_uint32, c_uint64, quick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

__all__ = ["Block"]

_adopt = quick("mp_adopt", c_uint32, c_uint32)
_release = quick("mp_release", c_uint32)
_collect = quick("mp_collect", c_uint32)
_create = quick("mp_create", c_uint32, c_uint64)
_generation = quick("mp_generation", c_uint32)
_size = quick("mp_size", c_uint32)
_address = quick("mp_address", c_uint32)


class Block:
    """A handle: while it is there, the block is. In a forked process it is a copy, which holds and releases nothing."""

    __slots__ = ("__weakref__", "block", "closed", "generation", "name")

    def __init__(self, block: int, generation: int, name: "Optional[str]" = None) -> None:
        """Takes a handle of a block that a message has named.

        Raises:
            ValueError: If it is not there any more, or was not given to this process.
        """
        self.closed = True  # until there is something to give back
        self.block = block
        self.generation = generation
        self.name = name
        _adopt(block, generation)
        self.closed = False

    @classmethod
    def create(cls, kind: int, size: int) -> "Block":
        """A new block of zeroes.

        Raises:
            MemoryError: If there is no room for it.
        """
        return cls.own(_create(kind, size))

    @classmethod
    def own(cls, block: int) -> "Block":
        """The handle of a block that a function of the library has just made."""
        self = cls.__new__(cls)
        self.closed = False
        self.block = block
        self.name = None
        self.generation = _generation(block)
        return self

    @property
    def size(self) -> int:
        """How many bytes were asked for when it was made."""
        return _size(self.block)

    @property
    def address(self) -> int:
        """Where its bytes are in this process, as long as this handle is there."""
        return _address(self.block)

    def reference(self) -> "list[Any]":
        """What a message says of it: ``[block, generation]``, and the name if it has one."""
        named = [] if self.name is None else [self.name]
        return [self.block, self.generation, *named]

    def close(self) -> None:
        """Gives the handle back, and says that this process is done with the block. Again: nothing happens."""
        if not self.closed:
            self.closed = True
            _release(self.block)

    def __del__(self) -> None:
        # As the interpreter ends, this module may be empty already.
        if not getattr(self, "closed", True) and _collect is not None:
            self.closed = True
            _collect(self.block)
