"""The log: constant event names, keys for values, never the text of a mail.

Under journald each line is JSON with the priority in front, on a terminal it is readable, elsewhere it is
JSON.
See sd-daemon(3) for the `<3>` to `<7>` prefixes.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor, WrappedLogger

_PRIORITY = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}


def configure(*, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Set the log up once for this process; call it before the first line is written."""
    import logging  # noqa: PLC0415  # commands that only print need neither of the two

    import structlog  # noqa: PLC0415

    target = stream or sys.stderr
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if os.environ.get("JOURNAL_STREAM"):
        processors += [structlog.processors.JSONRenderer(sort_keys=False), _with_priority]
    elif target.isatty():
        processors.append(structlog.dev.ConsoleRenderer(pad_event_to=24))
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
    import structlog  # noqa: PLC0415

    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def _with_priority(_logger: WrappedLogger, method: str, line: Any) -> str:
    return f"<{_PRIORITY.get(method, 6)}>{line}"
