"""The logger of this package, which CPython's ``multiprocessing`` has under the same name."""

from __future__ import annotations

import logging

from ._process import current_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

__all__ = ["get_logger", "log_to_stderr"]


class _Named(logging.Filter):
    """Gives each record the name that Deno has given the process."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.processName = current_process().name
        return True


def get_logger() -> logging.Logger:
    """The logger. It passes nothing on to the root logger, and prints nothing by itself."""
    logger = logging.getLogger("multiprocessing")
    if not any(isinstance(it, _Named) for it in logger.filters):
        logger.propagate = False
        logger.addFilter(_Named())
        logging.addLevelName(5, "SUBDEBUG")
        logging.addLevelName(25, "SUBWARNING")
    return logger


def log_to_stderr(level: "Optional[Union[int, str]]" = None) -> logging.Logger:
    """Has the logger print on standard error, records of ``level`` and above if one is given."""
    logger = get_logger()
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("[%(levelname)s/%(processName)s] %(message)s"))
    logger.addHandler(handler)
    if level is not None:
        logger.setLevel(level)
    return logger
