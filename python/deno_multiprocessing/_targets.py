"""Functions by module and name: what Deno has named by ``python(module, name)``."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Mapping, Optional

__all__ = ["find", "load", "misfit"]


def find(reference: "Mapping[str, Any]") -> "Callable[..., Any]":
    """The function of a reference: ``module``, a path that begins with ``/`` or a dotted name; ``name``; ``folder``.

    ``folder`` is where dotted names are looked for first, if it is there. ``name`` may have dots, too: a method.

    Raises:
        ImportError: If there is no such module.
        AttributeError: If it has no such name.
        TypeError: If that is nothing that can be called.
        Exception: What the module raises when it is imported.
    """
    shown, name = reference["module"], reference["name"]
    found: "Any" = load(shown, reference.get("folder"))
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise AttributeError(f'Cannot find "{name}": the Python module "{shown}" has none') from None
    if not callable(found):
        raise TypeError(f'Cannot call "{name}" of the Python module "{shown}": it is of type {type(found).__name__}')
    return found  # type: ignore[no-any-return]


def load(module: str, folder: "Optional[str]" = None) -> "ModuleType":
    """Imports a module, once. Its folder is the first that modules are looked for in from then on, as for a script.

    Raises:
        ImportError: If there is none.
        Exception: What the module raises.
    """
    import importlib

    if not module.startswith("/"):
        if folder is not None:
            _look_first(folder)
        return importlib.import_module(module)
    path = os.path.join(module, "__init__.py") if os.path.isdir(module) else module
    known = _LOADED.get(path)
    if known is not None:
        return known
    if not os.path.isfile(path):
        raise ModuleNotFoundError(f'Cannot find the Python module "{module}": there is no such file', path=path)
    _look_first(os.path.dirname(module))
    loaded = _LOADED[path] = _load_file(_name_for(module, path), path)
    return loaded


#: The modules that were loaded by their paths.
_LOADED: "dict[str, ModuleType]" = {}


def _name_for(module: str, path: str) -> str:
    """The name that others import the module by; if another module has that, such as one of Python's own, its path."""
    stem = os.path.splitext(os.path.basename(module))[0]
    taken = sys.modules.get(stem)
    if stem not in sys.builtin_module_names and (taken is None or getattr(taken, "__file__", None) == path):
        return stem
    return path


def _load_file(name: str, path: str) -> "ModuleType":
    from importlib import machinery, util

    if name in sys.modules:
        return sys.modules[name]  # another module has imported it
    inside = [os.path.dirname(path)] if os.path.basename(path) == "__init__.py" else None
    loader = machinery.SourceFileLoader(name, path)  # whatever the end of its name
    spec = util.spec_from_file_location(name, path, loader=loader, submodule_search_locations=inside)
    assert spec is not None
    loaded = util.module_from_spec(spec)
    sys.modules[name] = loaded
    try:
        loader.exec_module(loaded)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return loaded


def _look_first(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)


def misfit(function: "Callable[..., Any]", count: int, names: "tuple[str, ...]" = ()) -> "Optional[str]":
    """Why a function cannot be called with so many arguments, and keywords of these names; ``None`` if it can.

    Only functions that are written in Python are looked at; of others, the call itself says so.
    """
    bound = getattr(function, "__func__", function)
    code = getattr(bound, "__code__", None)
    if code is None:
        return None
    given = count + (bound is not function)
    most, least = code.co_argcount, code.co_argcount - len(bound.__defaults__ or ())
    positional = code.co_varnames[:most]
    only = code.co_varnames[most : most + code.co_kwonlyargcount]
    called = getattr(function, "__qualname__", repr(function))
    if given > most and not code.co_flags & _VARARGS:
        return f"{called}() takes {_counted(most)}, and {given} were given"
    missing = [it for it in positional[given:least] if it not in names]
    missing += [it for it in only if it not in names and it not in (bound.__kwdefaults__ or {})]
    if missing:
        return f"{called}() needs {', '.join(map(repr, missing))}, which is not among the {_counted(given)} given"
    takes = positional[code.co_posonlyargcount :] + only
    unknown = [] if code.co_flags & _VARKEYWORDS else [it for it in names if it not in takes]
    if unknown:
        return f"{called}() takes no argument {', '.join(map(repr, unknown))}"
    return None


_VARARGS, _VARKEYWORDS = 0x04, 0x08


def _counted(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"
