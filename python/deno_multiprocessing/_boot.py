"""The life of a Python process, from its first instruction to its exit code: what src/child/main.ts is for a Deno.

What keeps it from its work is told to the parent, whose ``join`` throws it; what its function raises is printed, and the
exit code is 1.
"""

from __future__ import annotations

import os
import sys

from . import _library
from ._library import c_uint64, c_void_p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn, Optional

__all__ = ["run"]

_ORPHANED = 6


def run(library: str, refuse: "Callable[[str], NoReturn]") -> None:
    """Runs the process: joins the tree, calls the function, and exits."""
    try:
        _library.load(library)
        join = _library.quick("mp_join")
    except Exception as error:
        refuse(f"Cannot load the native library: {error}")
    try:
        join()
    except Exception:
        # The library has told the parent, if that lives.
        sys.exit(0 if _library.quick("mp_error_kind")() == _ORPHANED else 1)
    work = _prepared()
    sys.exit(_worked(work))


class _Work:
    """What the process is to do."""

    def __init__(self, function: "Callable[..., Any]", args: "list[Any]", kwargs: "dict[str, Any]") -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs


def _prepared() -> _Work:
    """Reads what the parent has prepared. The process ends if that is not to be had."""
    from . import _process, _targets

    facts, _, arguments = _parts()
    process = _process.become(facts)
    try:
        _arrange(facts)
        target = facts["python"]
        sys.argv[:] = [target["module"]]
        function = _targets.find(target)
        args, kwargs = _arguments(arguments)
        why = _targets.misfit(function, len(args), tuple(kwargs))
        if why is not None:
            raise TypeError(why)
        _library.quick("mp_begin")()
    except (Exception, KeyboardInterrupt) as error:
        _report(error)
        _print_failure(process.name, error)
        sys.exit(1)
    return _Work(function, args, kwargs)


def _parts() -> "tuple[dict[str, Any], bytes, bytes]":
    import json

    given = _library.bytes_of(_library.quick("mp_preparation", c_void_p, c_uint64))
    parts, at = [], 0
    while at < len(given):
        start = at + 4
        at = start + int.from_bytes(given[at:start], "big")
        parts.append(given[start:at])
    head, late, arguments = parts
    return json.loads(head), late, arguments


def _arguments(written: bytes) -> "tuple[list[Any], dict[str, Any]]":
    if not written:
        return [], {}
    from . import reduction

    args, kwargs = reduction.loads(written, message=reduction.Incoming("parent"))
    return list(args), dict(kwargs)


def _arrange(facts: "dict[str, Any]") -> None:
    """Brings this process into the state that the parent wants."""
    if facts["directory"] is not None:
        os.chdir(facts["directory"])
    if _library.quick("mp_is_shielded")():
        import signal

        signal.signal(signal.SIGINT, _ignore)
        _library.quick("mp_shield")()
    level, to_stderr = facts["logger"]["level"], facts["logger"]["toStderr"]
    if to_stderr or level != 0:
        from . import _logging

        # JSON has no Infinity: then nothing is logged.
        _logging.get_logger().setLevel(sys.maxsize if level is None else level)
        if to_stderr:
            _logging.log_to_stderr()


def _ignore(_signal: int, _frame: object) -> None:
    pass


def _worked(work: _Work) -> int:
    """Calls the function; the exit code."""
    from . import _process

    _process.tell_cpython()
    _log("child process calling self.run()")
    try:
        code = _called(work)
    except SystemExit as error:
        code = _code_of(error)
    except BaseException as error:
        _print_failure(_process.current_process().name, error)
        code = 1
    finally:
        del work.args, work.kwargs  # lest the end of the interpreter is when objects are given back
    _log("process shutting down")
    _log(f"process exiting with exitcode {code}")
    return code


def _called(work: _Work) -> int:
    made = work.function(*work.args, **work.kwargs)
    if hasattr(made, "__await__"):
        import asyncio

        asyncio.run(_awaited(made))
    return 0


async def _awaited(made: "Any") -> "Any":
    return await made


def _code_of(error: SystemExit) -> int:
    """As CPython has it: ``None`` is 0, a number itself, and anything else is printed."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    sys.stderr.write(f"{error.code}\n")
    return 1


def _log(message: str) -> None:
    """Logs, if anybody has asked for the logger."""
    logging: "Any" = sys.modules.get(f"{__package__}._logging")
    if logging is not None:
        logging.get_logger().info(message)


def _report(error: BaseException) -> None:
    """Tells the parent what keeps this process from its work."""
    said = _said(error).encode("utf-8", "replace")
    _library.quick("mp_report", c_void_p, c_uint64)(said, len(said))


def _said(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # it has no text
        return type(error).__name__


def _print_failure(name: str, error: BaseException) -> None:
    """Prints an exception as CPython does in a process of its own, without the frames of this package."""
    try:
        import traceback

        lines = traceback.format_exception(type(error), error, _behind_own(error))
        sys.stderr.write(f"Process {name}:\n{''.join(lines)}")
        sys.stderr.flush()
    except (Exception, KeyboardInterrupt):
        pass  # nobody can read it, or wants to: Ctrl-C has come again; the exit code says that it failed


def _behind_own(error: BaseException) -> "Optional[Any]":
    """The traceback from the first frame on that is not of this package, nor of what it imports modules by."""
    own = os.path.dirname(__file__) + os.sep
    at = error.__traceback__
    while at is not None and (
        at.tb_frame.f_code.co_filename.startswith((own, "<frozen importlib"))
        or at.tb_frame.f_globals.get("__name__") == "importlib"
    ):
        at = at.tb_next
    return at
