"""Logs as one JSON object a line: ids and counts go in; message texts, names and tokens never do."""

from __future__ import annotations

import logging

import structlog

_SHARED: list[structlog.typing.Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


def _traceback_without_values(
    logger: logging.Logger, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Keeps type and places of an exception; its text may quote what a person wrote."""
    error = event.pop("exc_info", None)
    if error is True or isinstance(error, tuple | BaseException):
        exception = error if isinstance(error, BaseException) else error[1] if isinstance(error, tuple) else None
        if exception is not None:
            event["error"] = type(exception).__name__
            event["at"] = _places(exception)
    return event


def _places(error: BaseException) -> list[str]:
    places = []
    step = error.__traceback__
    while step is not None:
        places.append(f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}")
        step = step.tb_next
    return places[-6:]


def formatter() -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        # Other libraries' messages stay unfilled: their arguments can be paths with tokens or words of an exception.
        use_get_message=False,
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _traceback_without_values,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
