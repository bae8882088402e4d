"""What a task comes to in its worker: its function is called with the arguments, or for each item.

What of the results cannot be sent is told for each of them. This is src/pool/run.ts.
"""

from __future__ import annotations

from .. import reduction
from ..stacks import in_one_line, pack, told
from .messages import Flag, Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any, Callable, Iterable, List, Optional, Tuple

    from .task import CurrentTask

    #: What a task has come to, as it is answered: the kind of the frame, and its list.
    Outcome = Tuple[int, List[Any]]

#: What ends the worker, wherever it is raised.
ENDING = (SystemExit, KeyboardInterrupt)


_loop: Optional[asyncio.AbstractEventLoop] = None


def settled(result: Any) -> Any:
    """What a function has come to: an awaitable is awaited, in an event loop that all tasks of this worker have."""
    global _loop
    if not hasattr(result, "__await__"):
        return result
    if _loop is None:
        import asyncio

        _loop = asyncio.new_event_loop()
        asyncio.set_event_loop(_loop)
    return _loop.run_until_complete(_awaited(result))


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def run_once(fn: Callable[..., Any], arguments: List[Any], flags: int) -> Outcome:
    """Calls a function with its arguments, the last of which are those with names where the flag says so."""
    named = arguments.pop() if flags & Flag.named else {}
    return Kind.done, [settled(fn(*arguments, **named))]


def run_each(fn: Callable[..., Any], items: List[Any], flags: int, task: CurrentTask) -> Outcome:
    """Calls a function for each item, as the flags say. The results take the places of the items."""
    star, lenient = flags & Flag.star, flags & Flag.lenient
    places: List[int] = []
    failures: List[List[Any]] = []
    for place, item in enumerate(items):
        task._at(place)
        if lenient:
            task._note(place + 1)
        try:
            items[place] = settled(fn(*_arguments(item, task)) if star else fn(item))
        except ENDING:
            raise
        except BaseException as error:
            if not lenient:
                return Kind.failed, pack(error, place)
            items[place] = None
            places.append(place)
            failures.append(pack(error))
    return (Kind.mixed, [items, places, failures]) if places else (Kind.done, items)


def _arguments(item: Any, task: CurrentTask) -> Iterable[Any]:
    if hasattr(item, "__iter__") and not isinstance(item, (str, bytes, dict)):
        return item
    wanted = "wanted an array of its arguments"
    raise TypeError(f'Cannot call "{task._label}" with the item {in_one_line(item)}: {wanted}')


def _reason(value: Any) -> Optional[BaseException]:
    """Why a value cannot be sent; None if it can."""
    try:
        reduction.dumps(value).discard()
    except Exception as error:
        return error
    return None


def _refusal(value: Any, reason: BaseException, place: Optional[int] = None) -> List[Any]:
    exc, shown = str(reason), in_one_line(value)
    message = f"Error sending result: '{shown}'. Reason: '{exc}'"
    properties = {"message": message, "exc": exc, "value": shown}
    text = f"MaybeEncodingError: {message}"
    return pack(told("multiprocessing.MaybeEncodingError", text, properties), place, text)


def unsendable(results: List[Any], reason: BaseException) -> List[Any]:
    """The failure of a task whose results cannot be sent: the first that is to blame is named."""
    for place, result in enumerate(results):
        why = _reason(result)
        if why is not None:
            return _refusal(result, why, place)
    return _refusal(results, reason)


def without_unsendable(kind: int, values: List[Any]) -> List[Any]:
    """The results of a lenient task, with failures for those that cannot be sent."""
    results, places, failures = values if kind == Kind.mixed else (values, [], [])
    for place, result in enumerate(results):
        why = _reason(result)
        if why is None:
            continue
        places.append(place)
        failures.append(_refusal(result, why))
        results[place] = None
    return [results, places, failures]
