"""JSON lines on standard output. The last step of the chain redacts; a full pipe never stops the service.

Not for messages or numbers: a log line carries ids and counts.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog

from penstock.redact import redact_event, redact_text


def configure(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Route structlog and the standard library's records through one chain to `stream` (standard output)."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(_traceback_without_values),
                _render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # aiohttp's access log repeats paths and query strings; our middleware logs the route instead.
    logging.getLogger("aiohttp.access").disabled = True


def _render(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(redact_event(event), _show, orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


def _show(value: object) -> str:
    """Any other object as its text, which may quote data like every text."""
    return redact_text(str(value))


def _traceback_without_values(exc_info: structlog.typing.ExcInfo) -> str:
    """Where it happened and the kind of every error in the chain, but not their texts: those may quote data."""
    lines: list[str] = []
    error: BaseException | None = exc_info[1]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # a chain may lead back to itself: `raise error from error`
        seen.add(id(error))
        lines.append(_place(error))
        error = error.__cause__ or error.__context__
    return " | caused by ".join(lines)


def _place(error: BaseException) -> str:
    """One error's kind and frames; of a group also those of its members."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    members = f" of [{', '.join(map(_place, error.exceptions))}]" if isinstance(error, BaseExceptionGroup) else ""
    return f"{type(error).__name__}{members} at {' > '.join(frames[-12:])}"
