"""The log: constant event names, keys for values, never the text of a mail.

Under journald each line is JSON with the priority in front (`<3>` to `<7>`, sd-daemon(3)); on a terminal it
is readable, elsewhere it is JSON. Of an exception the log has the class and the lines of code that it came
through, not its message: what a parser or a server complains about is quoted there.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from types import ModuleType

    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

_FIRST = ("timestamp", "level", "event")
_PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}


def configure(*, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Set the log up once for this process; call it before the first line is written."""
    import logging  # noqa: PLC0415  # commands that only print need neither of the two

    structlog = _structlog()
    target = stream or sys.stderr
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _where,
        _in_order,
    ]
    if _is_journal(target, os.environ.get("JOURNAL_STREAM", "")):
        processors += [structlog.processors.JSONRenderer(sort_keys=False), _with_priority]
    elif target.isatty():
        colours = not os.environ.get("NO_COLOR")
        processors.append(structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=24, sort_keys=False))
    else:
        processors.append(structlog.processors.JSONRenderer(sort_keys=False))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    # APScheduler repeats what our own lines say; mail-parser quotes the header that it stumbled over.
    for chatty in ("apscheduler", "mailparser"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)


def get_logger() -> FilteringBoundLogger:
    """The logger of the configuration in force when a line is written."""
    logger: FilteringBoundLogger = _structlog().get_logger()
    return logger


def _structlog() -> ModuleType:
    """Import structlog, without rich: for tracebacks that no line of ours has it takes 5 MB for good."""
    if "structlog" not in sys.modules and "rich" not in sys.modules:
        sys.modules["rich"] = None  # type: ignore[assignment]  # it does without what cannot be imported
        try:
            import structlog  # noqa: PLC0415
        finally:
            del sys.modules["rich"]
    import structlog  # noqa: PLC0415

    return structlog


def _is_journal(stream: TextIO, named: str) -> bool:
    """Whether `stream` is what the variable names, device and inode of journald's socket (systemd.exec(5)).

    A child whose output goes elsewhere inherits the variable all the same.
    """
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file at all: a test's, or closed
        return False
    return named == f"{status.st_dev}:{status.st_ino}"


def _where(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the way of an exception in the place of its text: `polling.py:88 poll_folder` and the like."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["where"] = [
            f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}"  # noqa: PTH119  # a name
            for frame in traceback.extract_tb(error.__traceback__)
        ]
    return event


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put first what every line has: lines are read by people, too."""
    return {**{key: event[key] for key in _FIRST if key in event}, **event}


def _with_priority(_logger: WrappedLogger, method: str, line: Any) -> str:
    return f"<{_PRIORITY.get(method, 6)}>{line}"
