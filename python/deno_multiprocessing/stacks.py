"""Exceptions on their way to a process of Deno: what it prints of them, and what they are there.

A traceback is written twice: as V8 writes a stack, innermost first, so that Deno shows the lines of Python as it shows
its own; and as Python prints it, for `remoteStack` of the error.
"""

from __future__ import annotations

import os
import sys

from . import _exceptions, reduction

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

#: So many frames are written of one traceback: the innermost.
MOST_FRAMES = 50
#: So many characters are shown of a value.
_LONGEST = 100
_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


def in_one_line(value: Any) -> str:
    """The printed form of anything, for a sentence: in one line, and cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"<{type(value).__name__} whose repr raises>"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def printed(error: BaseException) -> str:
    """An exception as Python prints it, with what caused it, without this package's frames at its beginning."""
    import traceback

    try:
        return "".join(traceback.format_exception(type(error), error, _users(error.__traceback__))).rstrip("\n")
    except Exception:  # its __str__ raises, or that of what has caused it
        return type(error).__name__


def message_of(error: BaseException) -> str:
    """What an exception says."""
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__} whose text cannot be read>"


def v8_stack(error: BaseException) -> str:
    """The stack of an exception in V8's form: its class and message, then the frames, innermost first."""
    message, name = message_of(error), type(error).__name__
    head = f"{name}: {message}" if message else name
    places = list(_places(_users(error.__traceback__)))
    return "\n".join([head, *(_frame(*place) for place in reversed(places))])


def pack(error: BaseException, place: Optional[int] = None, text: Optional[str] = None) -> List[Any]:
    """An exception as a message can take it: `Failure` of src/pool/messages.ts. Its text is what is printed of it."""
    failure = [printed(error) if text is None else text, _bytes_of(error)]
    return failure if place is None else [*failure, place]


def _bytes_of(error: BaseException) -> Optional[bytes]:
    """A message of its own: of the exception, or of what of it can be sent; None if nothing can."""
    for value in (lambda: error, lambda: _remnant(error, set())):
        try:
            dumped = reduction.dumps(value())
        except Exception:
            continue
        dumped.discard()  # only the bytes are sent
        if not dumped.attachments:
            return bytes(dumped.data)
    return None


def _remnant(error: BaseException, seen: Set[int]) -> BaseException:
    """A copy of an exception that can be sent, with texts in the place of what of its arguments cannot."""
    seen.add(id(error))
    properties = {
        "message": message_of(error),
        "type": _exceptions.type_name(error),
        "args": [each if _can_be_sent(each) else in_one_line(each) for each in error.args],
    }
    cause = error.__cause__
    if cause is not None and id(cause) not in seen:
        properties["cause"] = _remnant(cause, seen)
    return told(_exceptions.wire_name(error), v8_stack(error), properties)


def told(known: str, stack: str, properties: Dict[str, Any]) -> BaseException:
    """An exception that arrives as an error of that class, with these properties."""
    exception = Exception()
    exception.javascript = _exceptions.JavaScriptError(known, stack, properties)  # type: ignore[attr-defined]
    return exception


def _can_be_sent(value: Any) -> bool:
    try:
        dumped = reduction.dumps(value)
        dumped.discard()
        return not dumped.attachments
    except Exception:
        return False


def _users(tb: Optional[types.TracebackType]) -> Optional[types.TracebackType]:
    """A traceback from its first frame on that is not of this package."""
    at = tb
    while at is not None and at.tb_frame.f_code.co_filename.startswith(_OWN):
        at = at.tb_next
    return tb if at is None else at


def _places(tb: Optional[types.TracebackType]) -> Iterator[Tuple[str, str, int, int]]:
    frames: List[types.TracebackType] = []
    while tb is not None:
        frames.append(tb)
        tb = tb.tb_next
    for each in frames[-MOST_FRAMES:]:
        code = each.tb_frame.f_code
        name = code.co_qualname if sys.version_info >= (3, 11) else code.co_name
        yield name, code.co_filename, each.tb_lineno, _column(code, each.tb_lasti)


def _column(code: types.CodeType, instruction: int) -> int:
    """The column of an instruction, from 1 on; 1 before Python 3.11, which does not know."""
    if sys.version_info < (3, 11) or instruction < 0:
        return 1
    for i, (_, _, column, _) in enumerate(code.co_positions()):
        if i == instruction // 2:
            return 1 if column is None else column + 1
    return 1


def _frame(name: str, file: str, line: int, column: int) -> str:
    place = f"{url_of(file)}:{line}:{column}"
    return f"    at {place}" if name == "<module>" else f"    at {name} ({place})"


def url_of(file: str) -> str:
    """The place of code as a URL; what is in no file, such as `<string>`, as it is called."""
    if file.startswith("<"):
        return file
    from urllib.parse import quote

    return "file://" + quote(os.path.abspath(file))
