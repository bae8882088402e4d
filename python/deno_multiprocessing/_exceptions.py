"""Which of JavaScript's errors correspond to which of Python's exceptions, and what of both travels.

An exception becomes the nearest error, with ``type``, ``args`` and ``notes`` as properties; ``src/pickle/exceptions.ts``
has the same table. Of an error that was an exception of the builtins, the exception is made again. Any other error becomes
the nearest exception, with its stack as a note, and with ``javascript``, which has all that came: an exception that is
sent on arrives as the error that it was.
"""

import builtins
import queue
import threading

from ._format import MessageError

_ERRORS = {
    "TypeError": "TypeError",
    "SyntaxError": "SyntaxError",
    "NameError": "ReferenceError",
    "ValueError": "RangeError",
    "ArithmeticError": "RangeError",
    "LookupError": "RangeError",
    "RecursionError": "RangeError",
    "MemoryError": "RangeError",
    "FileNotFoundError": "Deno.errors.NotFound",
    "FileExistsError": "Deno.errors.AlreadyExists",
    "PermissionError": "Deno.errors.PermissionDenied",
    "IsADirectoryError": "Deno.errors.IsADirectory",
    "NotADirectoryError": "Deno.errors.NotADirectory",
    "BlockingIOError": "Deno.errors.WouldBlock",
    "InterruptedError": "Deno.errors.Interrupted",
    "TimeoutError": "Deno.errors.TimedOut",
    "BrokenPipeError": "Deno.errors.BrokenPipe",
    "ConnectionAbortedError": "Deno.errors.ConnectionAborted",
    "ConnectionRefusedError": "Deno.errors.ConnectionRefused",
    "ConnectionResetError": "Deno.errors.ConnectionReset",
    "EOFError": "Deno.errors.UnexpectedEof",
}
"""Names of errors by those of exceptions; all others are an ``Error``."""

_EXCEPTIONS = {
    "RangeError": ValueError,
    "URIError": ValueError,
    "TypeError": TypeError,
    "SyntaxError": SyntaxError,
    "ReferenceError": NameError,
    "Deno.errors.NotFound": FileNotFoundError,
    "Deno.errors.AlreadyExists": FileExistsError,
    "Deno.errors.PermissionDenied": PermissionError,
    "Deno.errors.NotCapable": PermissionError,
    "Deno.errors.IsADirectory": IsADirectoryError,
    "Deno.errors.NotADirectory": NotADirectoryError,
    "Deno.errors.WouldBlock": BlockingIOError,
    "Deno.errors.Interrupted": InterruptedError,
    "Deno.errors.TimedOut": TimeoutError,
    "Deno.errors.BrokenPipe": BrokenPipeError,
    "Deno.errors.ConnectionAborted": ConnectionAbortedError,
    "Deno.errors.ConnectionRefused": ConnectionRefusedError,
    "Deno.errors.ConnectionReset": ConnectionResetError,
    "Deno.errors.UnexpectedEof": EOFError,
    "multiprocessing.EOFError": EOFError,
    "multiprocessing.Empty": queue.Empty,
    "multiprocessing.Full": queue.Full,
    "multiprocessing.BrokenBarrierError": threading.BrokenBarrierError,
}
"""Exceptions by the names of errors; all others are a ``RuntimeError``."""

_OWN = ("Empty", "Full", "ShutDown", "BrokenBarrierError")
"""Exceptions of Python's library that are this package's errors on the other side."""

_REFUSED = frozenset(["ExceptionGroup", "BaseExceptionGroup"])
"""Exceptions that are not made of their arguments."""


class JavaScriptError:
    """What came of an error: the names of its class and of itself, its stack, and its properties."""

    __slots__ = ("known", "properties", "stack")

    def __init__(self, known, stack, properties):
        self.known = known
        """The name of the nearest class that every process knows."""
        self.stack = stack
        self.properties = properties
        """A dict; ``message`` is among them, if there is one."""

    def __repr__(self):
        return f"<JavaScriptError {self.properties.get('name', self.known)}>"


def _own_errors():
    """The classes of this package's own exceptions, by name."""
    from . import errors

    return errors


def class_of(known):
    """The exception that an error of that wire name is; ``RuntimeError`` if there is none nearer."""
    found = _EXCEPTIONS.get(known)
    if found is None and known.startswith("multiprocessing."):
        own = getattr(_own_errors(), known[len("multiprocessing.") :], None)
        if isinstance(own, type) and issubclass(own, Exception):
            found = own
        elif known == "multiprocessing.ShutDown":
            from .queues import ShutDown

            found = ShutDown
    return RuntimeError if found is None else found


def wire_name(exception):
    """The wire name of the nearest error."""
    for base in type(exception).__mro__:
        name = base.__name__
        if base.__module__ == "builtins":
            if name in _ERRORS:
                return _ERRORS[name]
        elif base.__module__ in ("queue", "_queue", "threading") and name in _OWN:
            return f"multiprocessing.{name}"
        elif base.__module__ in (f"{__package__}.errors", f"{__package__}.queues"):
            return f"multiprocessing.{name}"
    return "Error"


def type_name(exception):
    """The name of the exception's class as others see it: with its module, unless that is the builtins."""
    cls = type(exception)
    return cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def stack_of(exception):
    """The stack of an exception, in V8's form."""
    from .stacks import v8_stack

    return v8_stack(exception)


def parts_of(exception):
    """What travels of an exception: wire name, stack, and properties in their order."""
    known = getattr(exception, "javascript", None)
    if type(known) is JavaScriptError:
        return known.known, known.stack, known.properties
    from .stacks import message_of

    properties = {"message": message_of(exception), "type": type_name(exception), "args": list(exception.args)}
    if exception.__cause__ is not None:
        properties["cause"] = exception.__cause__
    notes = getattr(exception, "__notes__", None)
    if isinstance(notes, list):
        properties["notes"] = [str(note) for note in notes]
    return wire_name(exception), stack_of(exception), properties


def exception_of(known, stack, properties):
    """The exception for an error that came with these parts."""
    message = properties.get("message", "")
    name, args = properties.get("type"), properties.get("args")
    exception = _made_again(name, args) if type(name) is str and type(args) is list else None
    if exception is None:
        cls = class_of(known)
        exception = cls.__new__(cls)
        exception.args = (message,) if "message" in properties else ()
        exception.javascript = JavaScriptError(known, stack, properties)
        notes = [stack] if type(stack) is str else []
    else:
        notes = properties.get("notes", [])
        if type(stack) is str and "\n" in stack:
            notes = [*notes, stack] if type(notes) is list else [stack]
    if type(notes) is list and len(notes) > 0:
        exception.__notes__ = [note for note in notes if type(note) is str]
    cause = properties.get("cause")
    if isinstance(cause, BaseException):
        exception.__cause__ = cause
    return exception


def _made_again(name, args):
    """The exception of the builtins, made of its arguments; ``None`` if it is none, or cannot be."""
    cls = getattr(builtins, name, None) if name not in _REFUSED else None
    if not isinstance(cls, type) or not issubclass(cls, BaseException) or cls.__name__ != name and name not in _ALIASES:
        return None
    try:
        return cls(*args)
    except Exception:
        return None


_ALIASES = frozenset(["IOError", "EnvironmentError"])


def require_class(known):
    """Raises :class:`MessageError` for what no error class can be called."""
    if type(known) is not str or len(known) > 256:
        raise MessageError("an error class is wanted")
