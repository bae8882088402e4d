"""Locks, semaphores, conditions, events and barriers that are shared with the other processes of the tree.

Names, arguments, results and exceptions are those of CPython's `multiprocessing`, so a function that was written for it
runs unchanged. The differences:

- A lock is robust. Whoever acquires it after its holder has died gets an `OwnerDiedError`, or, if it was made with
  `onOwnerDeath: "recover"`, the lock, with `owner_died` set.
- The holder of a lock is a thread. A thread that ends while it has one counts as dead, even if its process goes on.
- `Condition.notify` waits for nobody: a waiter that is stopped, or was killed, holds up no one.
- A party of a barrier that dies breaks it.

What cannot wait is done with the interpreter's lock held; what waits lets other threads of Python run, and signals in.
"""

from __future__ import annotations

from ctypes import c_bool, c_double, c_uint32
from itertools import count
from time import monotonic

from . import reduction
from ._block import Block
from ._fork import is_forked
from ._library import _failure, quick, wait_for, waiting
from ._owner import owner_died, owner_of, told_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeVar

    _T = TypeVar("_T")

__all__ = ["Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "RLock", "Semaphore"]

# As native/c/include/multiprocessing.h and native/core/src/memory/heap/blocks.rs number them.
_KIND_LOCK = 1
_KIND_RLOCK = 2
_KIND_SEMAPHORE = 3
_KIND_EVENT = 4
_KIND_CONDITION = 5
_KIND_BARRIER = 6
_KIND_VALUE = 7
_NOT_HELD = -50
_BROKEN = -51
_RUNS_ACTION = -52

_CELL_SIZE = 64
_MOST = 2**31 - 1
_ALL = 2**32 - 1



def _bare(function: Callable[..., int]) -> Callable[..., int]:
    """The function without the look whether it has failed, which takes as long as the call itself: who calls it has to
    look, if it has no success, and raise what `_failure` gives."""
    if hasattr(function, "errcheck"):
        del function.errcheck
    return function


_kind_of = quick("mp_kind", c_uint32)

_lock_try = _bare(quick("mp_lock_try", c_uint32))
_lock_acquire = waiting("mp_lock_acquire", c_uint32, c_double)
_lock_release = _bare(quick("mp_lock_release", c_uint32))
_lock_owner = quick("mp_lock_owner", c_uint32)
_lock_levels = quick("mp_lock_levels", c_uint32)

_semaphore_create = quick("mp_semaphore_create", c_uint32, c_uint32)
_semaphore_try = _bare(quick("mp_semaphore_try", c_uint32))
_semaphore_acquire = waiting("mp_semaphore_acquire", c_uint32, c_double)
_semaphore_release = quick("mp_semaphore_release", c_uint32, c_uint32)
_semaphore_value = quick("mp_semaphore_value", c_uint32)
_semaphore_bound = quick("mp_semaphore_bound", c_uint32)

_event_create = quick("mp_event_create")
_event_is_set = quick("mp_event_is_set", c_uint32)
_event_set = quick("mp_event_set", c_uint32)
_event_clear = quick("mp_event_clear", c_uint32)
_event_moment = quick("mp_event_moment", c_uint32)
_event_wait = waiting("mp_event_wait", c_uint32, c_uint32, c_double)

_condition_create = quick("mp_condition_create", c_uint32)
_condition_begin = quick("mp_condition_begin", c_uint32, c_uint32)
_condition_wait = waiting("mp_condition_wait", c_uint32, c_double)
_condition_end = waiting("mp_condition_end", c_uint32, c_bool)
_condition_notify = quick("mp_condition_notify", c_uint32, c_uint32)
_condition_waiters = quick("mp_condition_waiters", c_uint32)

_barrier_create = quick("mp_barrier_create", c_uint32)
_barrier_begin = quick("mp_barrier_begin", c_uint32, c_uint32, c_bool)
_barrier_wait = waiting("mp_barrier_wait", c_uint32, c_double)
_barrier_release = quick("mp_barrier_release", c_uint32)
_barrier_give_up = quick("mp_barrier_give_up", c_uint32)
_barrier_abort = quick("mp_barrier_abort", c_uint32)
_barrier_reset = quick("mp_barrier_reset", c_uint32)
_barrier_parties = quick("mp_barrier_parties", c_uint32)
_barrier_waiting = quick("mp_barrier_waiting", c_uint32)
_barrier_is_broken = quick("mp_barrier_is_broken", c_uint32)
_barrier_culprit = quick("mp_barrier_culprit", c_uint32)

_numbers = count(1)


def _new_wait() -> int:
    """A number for a wait that lasts for several calls. It is chosen before the wait begins: whatever exception comes when,
    the wait can be ended by it."""
    return next(_numbers) & 0xFFFF_FFFF


class _Shared:
    """What all have in common: the block that the object is in, and its name, if it has one."""

    __slots__ = ("_block", "_handle", "__weakref__")

    _kinds: tuple[int, ...] = ()
    """The kinds of blocks that such an object may be in; the first is that of a new one."""
    _handle: Block
    _block: int

    def _open(self, handle: Block) -> None:
        # While this object lives, nobody closes the handle: its number stays good.
        self._handle = handle
        self._block = handle.block

    def _arrive(self, handle: Block) -> None:
        """As `_open`, of a block that a message has named."""
        if _kind_of(handle.block) not in self._kinds:
            raise reduction.MessageError(
                "Cannot restore a shared object: what the message names is another kind of object"
            )
        self._open(handle)

    @property
    def name(self) -> str | None:
        """The name that the object was given where it was made; `None` if it was given none."""
        return self._handle.name or None

    def _label(self) -> str:
        name = self._handle.name
        return f'{type(self).__name__} "{name}"' if name else type(self).__name__

    def _text(self, state: str) -> str:
        name = self._handle.name
        return f"<{type(self).__name__}({state}{f', name={name!r}' if name else ''})>"

    def __reduce__(self) -> NoReturn:
        raise RuntimeError(
            f"Cannot pickle the {self._label()}: {type(self).__name__} objects travel in queues and connections of "
            "deno_multiprocessing, and as arguments; pickle has no way to share them"
        )


class _LockBase(_Shared):
    """What Lock and RLock have in common."""

    __slots__ = ("_throws", "owner_died")

    owner_died: bool
    """Whether the last acquisition by this object was from a holder that had died; for locks made with
    `onOwnerDeath: "recover"`. To be looked at while the lock is held."""

    def __init__(self) -> None:
        self._open(Block.create(self._kinds[0], _CELL_SIZE))
        self._throws = True
        self.owner_died = False

    @classmethod
    def _of(cls, handle: Block, throws: bool) -> Any:
        """The lock in a block that exists."""
        lock = cls.__new__(cls)
        lock._arrive(handle)
        lock._throws = throws
        lock.owner_died = False
        return lock

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Acquires the lock.

        Args:
            block: Whether to wait for it. If not, `timeout` is ignored.
            timeout: Seconds to wait at most; negative is 0, `None` for ever.

        Returns:
            Whether it was acquired.

        Raises:
            OwnerDiedError: If its holder died while it had it. The lock is free again then.
        """
        if _lock_try(self._block) != 0:
            return self._wait(timeout if block else 0)
        if self.owner_died:
            self.owner_died = False
        return True

    def _wait(self, timeout: float | None) -> bool:
        number = self._block
        outcome = wait_for(lambda left: _lock_acquire(number, left), timeout)
        if outcome < 0:
            return False
        self.owner_died = outcome > 0 and not self._throws
        if outcome > 0 and self._throws:
            _lock_release(number)
            raise owner_died(f"acquire the {self._label()}", outcome, "it is free again")
        return True

    def _came_back(self, outcome: int) -> None:
        """Looks at how the lock came back at the end of a wait for a condition."""
        self.owner_died = False
        if outcome <= 0:
            return
        if self._throws:
            raise owner_died(f"wait with the {self._label()}", outcome, "it is held again")
        self.owner_died = True

    def release(self) -> None:
        """Releases the lock, or one level of it."""
        outcome = _lock_release(self._block)
        if outcome != 0:
            raise self._not_released(outcome)

    def _not_released(self, outcome: int) -> Exception:
        return self._not_held() if outcome == _NOT_HELD else _failure()

    def _not_held(self) -> Exception:
        raise NotImplementedError

    def locked(self) -> bool:
        """Whether somebody holds the lock."""
        return bool(_lock_owner(self._block) != 0)

    def __enter__(self) -> bool:
        if _lock_try(self._block) != 0:
            return self._wait(None)
        if self.owner_died:
            self.owner_died = False
        return True

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if is_forked():
            return  # it is its parent's
        outcome = _lock_release(self._block)
        if outcome != 0:
            raise self._not_released(outcome)

    def _owner_name(self) -> str:
        token = _lock_owner(self._block)
        if token == 0:
            return "None"
        owner = owner_of(token)
        from os import getpid

        if owner is None or owner.pid != getpid():
            return "SomeOtherProcess"
        if _lock_levels(self._block) == 0:
            return "SomeOtherThread"
        import threading

        thread = threading.current_thread()
        suffix = "" if thread is threading.main_thread() else f"|{thread.name}"
        return owner.process_name + suffix

    def _data(self, message: Any) -> list[object]:
        message.attach(self._block)
        block, generation, *name = self._handle.reference()
        return [block, generation, self._throws, *name]


class Lock(_LockBase):
    """A lock for the processes of the tree, as `multiprocessing.Lock`: any thread of any process may release it.

    It is robust: see `acquire`.

    Example:
        >>> def add(lock, counter):
        ...     with lock:
        ...         counter.value += 1
    """

    __slots__ = ()
    _kinds = (_KIND_LOCK,)

    def release(self) -> None:
        """Releases the lock, whoever holds it.

        Raises:
            ValueError: If nobody does.
        """
        outcome = _lock_release(self._block)
        if outcome != 0:
            raise self._not_released(outcome)

    def _not_held(self) -> Exception:
        return ValueError(
            f"Cannot release the {self._label()}: it is not held; semaphore or lock released too many times"
        )

    def __repr__(self) -> str:
        return self._text(f"owner={self._owner_name()}")


class RLock(_LockBase):
    """A lock that the thread which holds it may acquire again, as `multiprocessing.RLock`. It is free when it has been
    released as often.

    Example:
        >>> def transfer(lock, accounts):
        ...     with lock:
        ...         with lock:
        ...             accounts[0] -= 1
        ...         accounts[1] += 1
    """

    __slots__ = ()
    _kinds = (_KIND_RLOCK, _KIND_VALUE)

    def release(self) -> None:
        """Releases one level.

        Raises:
            AssertionError: If this thread does not hold it.
        """
        outcome = _lock_release(self._block)
        if outcome != 0:
            raise self._not_released(outcome)

    def _not_held(self) -> Exception:
        return AssertionError(
            f"Cannot release the {self._label()}: attempt to release recursive lock not owned by thread"
        )

    def __repr__(self) -> str:
        owner = self._owner_name()
        depth: object = _lock_levels(self._block) or ("nonzero" if owner != "None" else 0)
        return self._text(f"{owner}, {depth}")


class Semaphore(_Shared):
    """A counter that is never negative, as `multiprocessing.Semaphore`: `acquire` takes one from it, waiting while it is
    0, and `release` adds to it. Nobody notes who has acquired: what a process had that was killed stays taken.

    Args:
        value: What it begins as, from 0 to 2147483647.

    Raises:
        TypeError: If `value` is no integer.
        ValueError: If it is out of that range.

    Example:
        >>> def download(slots, urls, done):
        ...     for url in urls:
        ...         with slots:
        ...             done.put(len(url))
    """

    __slots__ = ()
    _kinds = (_KIND_SEMAPHORE,)

    def __init__(self, value: int = 1) -> None:
        self._make(value, _MOST)

    def _make(self, value: int, bound: int) -> None:
        value = _integer(value, f"create a {type(self).__name__}", "value", 0, _MOST)
        self._open(Block.own(_semaphore_create(value, bound)))

    @classmethod
    def _of(cls, handle: Block) -> Any:
        semaphore = cls.__new__(cls)
        semaphore._arrive(handle)
        return semaphore

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Takes one from the value, waiting until it is above 0.

        Args:
            block: Whether to wait for it. If not, `timeout` is ignored.
            timeout: Seconds to wait at most; negative is 0, `None` for ever.

        Returns:
            Whether it did.
        """
        number = self._block
        if _semaphore_try(number) == 0:
            return True
        return bool(wait_for(lambda left: _semaphore_acquire(number, left), timeout if block else 0) == 0)

    def release(self, n: int = 1) -> None:
        """Adds `n` to the value, at once.

        Raises:
            TypeError: If `n` is no integer.
            ValueError: If it is less than 1, or the value would exceed its bound; then nothing is added.
        """
        if n != 1:
            n = _integer(n, f"release the {self._label()}", "n", 1, _MOST)
        if _semaphore_release(self._block, n) != 0:
            raise ValueError(
                f"Cannot release the {self._label()}: its value is {self.get_value()} and {n} more would exceed "
                f"{_semaphore_bound(self._block)}; semaphore or lock released too many times"
            )

    def get_value(self) -> int:
        """The value: how many acquisitions would succeed at once. It may be another when you look at it."""
        return int(_semaphore_value(self._block))

    def locked(self) -> bool:
        """Whether the value is 0."""
        return self.get_value() == 0

    def __enter__(self) -> bool:
        return _semaphore_try(self._block) == 0 or self.acquire()

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if not is_forked():
            self.release()

    def __repr__(self) -> str:
        return self._text(f"value={self.get_value()}")

    def _data(self, message: Any) -> list[object]:
        message.attach(self._block)
        return list(self._handle.reference())


class BoundedSemaphore(Semaphore):
    """A semaphore whose value never exceeds the one it was made with, as `multiprocessing.BoundedSemaphore`: a release too
    many is an error.

    Args:
        value: What it begins as, and at most is, from 0 to 2147483647.

    Raises:
        TypeError: If `value` is no integer.
        ValueError: If it is out of that range.

    Example:
        >>> def give_back(slots):
        ...     try:
        ...         slots.release()
        ...     except ValueError:
        ...         print("nobody had one")
    """

    __slots__ = ()

    def __init__(self, value: int = 1) -> None:
        self._make(value, value)

    def __repr__(self) -> str:
        return self._text(f"value={self.get_value()}, maxvalue={_semaphore_bound(self._block)}")


class Event(_Shared):
    """A flag that processes wait for, as `multiprocessing.Event`. `set` releases everybody who waits at that moment, even
    if the flag is cleared at once, and waits for nobody.

    Example:
        >>> def work(ready, stop):
        ...     ready.set()
        ...     while not stop.wait(0.1):
        ...         pass
    """

    __slots__ = ()
    _kinds = (_KIND_EVENT,)

    def __init__(self) -> None:
        self._open(Block.own(_event_create()))

    @classmethod
    def _of(cls, handle: Block) -> Event:
        event = cls.__new__(cls)
        event._arrive(handle)
        return event

    def is_set(self) -> bool:
        """Whether the flag is set."""
        return bool(_event_is_set(self._block))

    def set(self) -> None:
        """Sets the flag and releases all who wait. Nothing happens if it is set."""
        _event_set(self._block)

    def clear(self) -> None:
        """Clears the flag. Nothing happens if it is not set."""
        _event_clear(self._block)

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the flag is set.

        Args:
            timeout: Seconds to wait at most; negative is 0, `None` for ever.

        Returns:
            Whether it is set, or was meanwhile; `False` if the time was up first.
        """
        number = self._block
        if _event_is_set(number):
            return True
        moment = _event_moment(number)
        return bool(wait_for(lambda left: _event_wait(number, moment, left), timeout) == 0)

    def __repr__(self) -> str:
        state = "set" if self.is_set() else "unset"
        name = self._handle.name
        return f"<{type(self).__name__} at {self._block:#x} {state}{f' name={name!r}' if name else ''}>"

    def _data(self, message: Any) -> list[object]:
        message.attach(self._block)
        return list(self._handle.reference())


class Condition(_Shared):
    """A lock, and threads that wait with it for something to change, as `multiprocessing.Condition`. What a waiter that is
    killed had been notified of goes to another that was waiting then.

    Args:
        lock: The lock to use. Default: an RLock of its own.

    Raises:
        TypeError: If `lock` is neither a Lock nor an RLock of this package.

    Example:
        >>> def take(condition, stock):
        ...     with condition:
        ...         condition.wait_for(lambda: stock.value > 0)
        ...         stock.value -= 1
    """

    __slots__ = ("_lock", "_owns_lock", "acquire", "release")
    _kinds = (_KIND_CONDITION,)

    def __init__(self, lock: Lock | RLock | None = None) -> None:
        own = RLock() if lock is None else lock
        if not isinstance(own, _LockBase):
            raise TypeError(f'Cannot create a Condition: "lock" is {lock!r}, wanted a Lock or an RLock')
        self._open(Block.own(_condition_create(own._block)))
        self._begin(own, lock is None)

    def _begin(self, lock: _LockBase, owns_lock: bool) -> None:
        self._lock = lock
        self._owns_lock = owns_lock
        self.acquire = lock.acquire
        self.release = lock.release

    @classmethod
    def _of(cls, handle: Block, lock: _LockBase, owns_lock: bool) -> Condition:
        condition = cls.__new__(cls)
        condition._arrive(handle)
        condition._begin(lock, owns_lock)
        return condition

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._lock.__exit__(kind, error, traceback)

    def wait(self, timeout: float | None = None) -> bool:
        """Releases the lock, all its levels, waits until it is notified, and acquires the lock again as often, however
        long that takes.

        Args:
            timeout: Seconds to wait for the notification at most; negative is 0, `None` for ever.

        Returns:
            Whether it was notified; `False` if the time was up first.

        Raises:
            AssertionError: If this thread does not hold the lock.
            OwnerDiedError: If the lock came back because its holder died; it is held again nevertheless.
        """
        wait = _new_wait()
        outcome: int | None = None
        came_back = 0
        try:
            if _condition_begin(self._block, wait) == _NOT_HELD:
                raise AssertionError(
                    f"Cannot wait for the {self._label()}: this thread does not hold its lock; "
                    "must acquire() condition before using wait()"
                )
            outcome = wait_for(lambda left: _condition_wait(wait, left), timeout)
        finally:
            came_back = _acquire_again(wait, outcome is not None)
        self._lock._came_back(came_back)
        return bool(outcome)

    def wait_for(self, predicate: Callable[[], _T], timeout: float | None = None) -> _T:
        """Waits until `predicate`, called with the lock held at the beginning and after each notification, returns
        something true.

        Args:
            predicate: What is waited for.
            timeout: Seconds to wait at most, in all; negative is 0, `None` for ever.

        Returns:
            What `predicate` returned last.

        Raises:
            AssertionError: If this thread does not hold the lock.
            OwnerDiedError: As `wait`.
        """
        result = predicate()
        if result:
            return result
        end = None if timeout is None else monotonic() + timeout
        while not result:
            left = None if end is None else end - monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
            result = predicate()
        return result

    def notify(self, n: int = 1) -> None:
        """Ends the waits of those `n` that have waited longest, or of all if there are fewer. It waits for nobody: they go
        on one after the other when the lock is released.

        Raises:
            AssertionError: If this thread does not hold the lock.
            TypeError: If `n` is no integer.
            ValueError: If it is negative.
        """
        n = _integer(n, f"notify the {self._label()}", "n", 0, _ALL)
        if _condition_notify(self._block, n) < 0:
            raise AssertionError(
                f"Cannot notify the {self._label()}: this thread does not hold its lock; lock is not owned"
            )

    def notify_all(self) -> None:
        """Ends the waits of all who wait.

        Raises:
            AssertionError: If this thread does not hold the lock.
        """
        self.notify(_ALL)

    def __repr__(self) -> str:
        return self._text(f"{self._lock!r}, {_condition_waiters(self._block)}")

    def _data(self, message: Any) -> list[object]:
        message.attach(self._block)
        block, generation, *name = self._handle.reference()
        return [block, generation, self._lock, self._owns_lock, *name]


def _acquire_again(wait: int, knows_outcome: bool) -> int:
    """Ends a wait for a condition with its lock, whatever handlers of signals raise meanwhile: who goes on as if it had the
    lock, as `with` does, would release it for another. What they raise is raised then."""
    raised: BaseException | None = None
    while True:
        try:
            outcome = wait_for(lambda _: _condition_end(wait, knows_outcome), None)
            break
        except BaseException as error:  # if the library has failed, there is no wait any more
            raised = raised or error
            knows_outcome = False
    if raised is not None:
        raise raised
    return outcome


class Barrier(_Shared):
    """A place where a fixed number of parties wait for each other, round after round, as `multiprocessing.Barrier`. A party
    that dies while it waits breaks it for all. So does one that dies between two waits, about a second after the others
    have begun to wait for it, if too few are left.

    Args:
        parties: How many must arrive, from 1 to 1048576.
        action: Called by the party that arrives last, before any is released. A barrier with an action stays in the
            process that made it.
        timeout: Seconds that a wait lasts at most which does not say it itself; `None` for ever.

    Raises:
        TypeError: If `parties` is no integer.
        ValueError: If it is out of that range.

    Example:
        >>> def step(barrier, index, results):
        ...     results.put(index)
        ...     barrier.wait()
    """

    __slots__ = ("_action", "_reference", "_timeout")
    _kinds = (_KIND_BARRIER,)

    def __init__(
        self, parties: int, action: Callable[[], object] | None = None, timeout: float | None = None
    ) -> None:
        parties = _integer(parties, "create a Barrier", "parties", 1, 1 << 20)
        self._open(Block.own(_barrier_create(parties)))
        self._action: Any = action
        self._reference: object = None
        self._timeout = timeout

    @classmethod
    def _of(cls, handle: Block, reference: object, timeout: float | None) -> Barrier:
        barrier = cls.__new__(cls)
        barrier._arrive(handle)
        barrier._action, barrier._reference, barrier._timeout = None, reference, timeout
        return barrier

    @property
    def parties(self) -> int:
        """How many must arrive."""
        return int(_barrier_parties(self._block))

    @property
    def n_waiting(self) -> int:
        """How many have arrived and wait for the others."""
        return int(_barrier_waiting(self._block))

    @property
    def broken(self) -> bool:
        """Whether every wait fails until `reset`."""
        return bool(_barrier_is_broken(self._block))

    def wait(self, timeout: float | None = None) -> int:
        """Waits until all parties have arrived; the last runs the action first. A wait whose time is up, or that an
        exception ends, breaks the barrier for all, unless all had arrived before.

        Args:
            timeout: Seconds to wait at most; negative is 0, `None` as the barrier was made with.

        Returns:
            As what number this party arrived, from 0 to `parties` - 1.

        Raises:
            threading.BrokenBarrierError: If the barrier is or gets broken, or is reset.
            RuntimeError: If its action is a function of Deno's, which Python cannot run.
        """
        if self._reference is not None:
            raise RuntimeError(
                f"Cannot wait at the {self._label()}: its action is a function of Deno's, which Python cannot run; "
                "make the barrier without an action"
            )
        parties, wait, is_over = self.parties, _new_wait(), False
        if timeout is None:
            timeout = self._timeout
        try:
            _barrier_begin(self._block, wait, self._action is not None)
            outcome = wait_for(lambda left: _barrier_wait(wait, left), timeout)
            if outcome == _RUNS_ACTION:
                self._action()
                outcome = _barrier_release(wait)
                if outcome == 0:
                    outcome = parties - 1
            is_over = True
        finally:
            if not is_over:
                _barrier_give_up(wait)
        if outcome < 0:
            raise self._broken()
        return outcome

    def _broken(self) -> Exception:
        from threading import BrokenBarrierError

        culprit = _barrier_culprit(self._block)
        reason = (
            f"because {told_of(culprit)}, which was one of its parties"
            if culprit
            else "or was reset; another party timed out, was aborted or ended"
        )
        return BrokenBarrierError(f"Cannot wait at the {self._label()}: it is broken, {reason}")

    def abort(self) -> None:
        """Breaks the barrier: parties that wait, or come until `reset`, get a `threading.BrokenBarrierError`."""
        _barrier_abort(self._block)

    def reset(self) -> None:
        """Makes the barrier as new: parties that wait get a `threading.BrokenBarrierError`, later ones do not."""
        _barrier_reset(self._block)

    def __repr__(self) -> str:
        state = "broken" if self.broken else f"waiters={self.n_waiting}/{self.parties}"
        name = self._handle.name
        return f"<Barrier at {self._block:#x}: {state}{f', name={name!r}' if name else ''}>"

    def _data(self, message: Any) -> list[object]:
        if self._action is not None:
            raise reduction.ReductionError(
                f"Cannot send the {self._label()}: its action is a function of this process; "
                "make the barrier without an action"
            )
        message.attach(self._block)
        block, generation, *name = self._handle.reference()
        timeout = float("inf") if self._timeout is None else self._timeout * 1000
        return [block, generation, self._reference, timeout, *name]


def _integer(value: object, action: str, what: str, least: int, most: int) -> int:
    """A number that was given, if it is an integer in that range."""
    from operator import index

    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f'Cannot {action}: "{what}" is {value!r}, wanted an integer') from None
    if not least <= number <= most:
        raise ValueError(f'Cannot {action}: "{what}" is {number}, wanted an integer from {least} to {most}')
    return number


def _parts(data: object, what: str, count_: int) -> list[Any]:
    """What a message describes an object by: so many parts, and maybe a name."""
    if not isinstance(data, list) or len(data) not in (count_, count_ + 1):
        raise reduction.MessageError(f"Cannot restore {what}: its description is malformed")
    return data


def _restore_lock(cls: Any) -> Callable[[Any, Any], Any]:
    def restore(data: Any, message: Any) -> Any:
        block, generation, throws, *name = _parts(data, f"a {cls.__name__}", 3)
        return cls._of(message.adopt([block, generation, *name]), throws is True)

    return restore


def _restore_plain(cls: Any) -> Callable[[Any, Any], Any]:
    def restore(data: Any, message: Any) -> Any:
        return cls._of(message.adopt(_parts(data, f"a {cls.__name__}", 2)))

    return restore


def _restore_condition(data: Any, message: Any) -> Condition:
    block, generation, lock, owns_lock, *name = _parts(data, "a Condition", 4)
    if not isinstance(lock, _LockBase):
        raise reduction.MessageError("Cannot restore a Condition: it has no lock")
    return Condition._of(message.adopt([block, generation, *name]), lock, owns_lock is True)


def _restore_barrier(data: Any, message: Any) -> Barrier:
    block, generation, action, timeout, *name = _parts(data, "a Barrier", 4)
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout != timeout:
        raise reduction.MessageError("Cannot restore a Barrier: its description is malformed")
    seconds = None if timeout == float("inf") else timeout / 1000
    return Barrier._of(message.adopt([block, generation, *name]), action, seconds)


def _reduce(instance: Any, message: Any) -> object:
    return instance._data(message)


reduction.register(Lock, "Lock", reduce=_reduce, restore=_restore_lock(Lock))
reduction.register(RLock, "RLock", reduce=_reduce, restore=_restore_lock(RLock))
reduction.register(Semaphore, "Semaphore", reduce=_reduce, restore=_restore_plain(Semaphore))
reduction.register(BoundedSemaphore, "BoundedSemaphore", reduce=_reduce, restore=_restore_plain(BoundedSemaphore))
reduction.register(Event, "Event", reduce=_reduce, restore=_restore_plain(Event))
reduction.register(Condition, "Condition", reduce=_reduce, restore=_restore_condition)
reduction.register(Barrier, "Barrier", reduce=_reduce, restore=_restore_barrier)
