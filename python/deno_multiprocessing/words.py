"""Words of 32 bits in shared memory, read and changed as one: what JavaScript's `Atomics` does with an `Int32Array`."""

from __future__ import annotations

from ctypes import addressof, c_char, c_uint32, c_void_p

from ._library import quick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WORD = 4

_load = quick("mp_word_load", c_void_p)
_store = quick("mp_word_store", c_void_p, c_uint32)
_compare_exchange = quick("mp_word_compare_exchange", c_void_p, c_uint32, c_uint32)


class Words:
    """The words of a view of shared memory, which is kept for as long as this is. They are read as unsigned."""

    def __init__(self, view: Any) -> None:
        shown = memoryview(view)
        if shown.readonly or not shown.contiguous or shown.nbytes % _WORD != 0:
            raise TypeError("Cannot use the words of a view: wanted one of shared memory, of 4 bytes for each word")
        self._count = shown.nbytes // _WORD
        #: It keeps the view.
        self._first = c_char.from_buffer(view)
        self._address = addressof(self._first)

    def _at(self, place: int) -> int:
        if not 0 <= place < self._count:
            raise IndexError(f"Cannot use word {place}: there are {self._count}")
        return self._address + place * _WORD

    def load(self, place: int) -> int:
        """The word in that place."""
        return _load(self._at(place))

    def store(self, place: int, value: int) -> None:
        """Makes the word that value, of which the lower 32 bits count."""
        _store(self._at(place), value)

    def compare_exchange(self, place: int, expected: int, value: int) -> int:
        """Makes the word `value` if it is `expected`; what it was."""
        return _compare_exchange(self._at(place), expected, value)
