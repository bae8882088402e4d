"""What values of the other side are that Python has nothing for: they say what they are, do nothing, and can be sent on."""

from __future__ import annotations

from . import _registry
from ._format import MessageError


class RegExp:
    """A regular expression of JavaScript's, whose syntax is not that of :mod:`re`."""

    __slots__ = ("flags", "source")

    def __init__(self, source: str, flags: str = "") -> None:
        self.source = source
        self.flags = flags

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RegExp) and (self.source, self.flags) == (other.source, other.flags)

    def __hash__(self) -> int:
        return hash((self.source, self.flags))

    def __repr__(self) -> str:
        return f"RegExp({self.source!r}, {self.flags!r})"


class Unknown:
    """An instance of a class that is registered on the other side, by its name and what its ``reduce`` gave."""

    __slots__ = ("data", "name")

    def __init__(self, name: str, data: object) -> None:
        self.name = name
        self.data = data

    def __repr__(self) -> str:
        return f"<Unknown {self.name!r}>"


def unknown(name: str, data: object) -> Unknown:
    """What stands for an instance of a class that nobody has registered here."""
    if name in _registry.OF_THE_PACKAGE or name.startswith("multiprocessing."):
        raise MessageError(f'Cannot restore an object of class "{name}": Python has nothing for it')
    return Unknown(name, data)
