"""Forks of a process of the tree.

A child of ``os.fork`` has copies of the objects, but is no member of the tree: workers of numpy and torch, and processes
of CPython's own ``multiprocessing``, are such children. They neither hold nor release anything, and whatever they ask of
a shared object raises a RuntimeError; memory of arrays may be read there as long as the parent holds it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

__all__ = ["is_forked", "when_forked"]

_is_forked = False
_callbacks: "list[Callable[[], None]]" = []


def is_forked() -> bool:
    """Whether this process was forked from one of the tree."""
    return _is_forked


def when_forked(callback: "Callable[[], None]") -> None:
    """Has ``callback`` called in each child of a fork, which is to close there what would keep others waiting."""
    _callbacks.append(callback)


def _forked() -> None:
    global _is_forked
    _is_forked = True
    for callback in _callbacks:
        callback()


os.register_at_fork(after_in_child=_forked)
