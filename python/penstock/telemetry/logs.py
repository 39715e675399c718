"""JSON lines on standard output. The last step of the chain redacts; a full pipe never stops the service.

Not for messages or numbers: a log line carries ids and counts. What a careless call hands in all the same is masked here.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final, TextIO

import orjson
import structlog

from penstock.redact import redact_json, set_private_fields

_OPTIONS: Final = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


def configure(stream: TextIO | None = None, *, level: int = logging.INFO, private_fields: Sequence[str] = ()) -> None:
    """Route structlog and the standard library's records through one chain to `stream` (standard output).

    `private_fields` are masked whole beside those that always are.
    """
    set_private_fields(private_fields)
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
    sink = _Sink(stream or sys.stdout)
    sink.setFormatter(
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
    root.handlers[:] = [sink]
    root.setLevel(level)
    # aiohttp's access log repeats paths and query strings; our middleware logs the route instead.
    logging.getLogger("aiohttp.access").disabled = True


class _Sink(logging.StreamHandler[TextIO]):
    """Never raises, and never prints what it could not write, which is what the library's handlers do."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001 - a broken log call must not break its caller, whatever it broke on
            return _say_lost(record, error)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Drop a line that cannot be written: whoever should read it is gone."""


def _say_lost(record: logging.LogRecord, error: Exception) -> str:
    """A line in the place of one that cannot be rendered: where it came from and why, nothing of what it said."""
    place = f"{record.module}:{record.lineno}"
    line = {"event": "log_line_lost", "level": record.levelname.lower(), "place": place, "reason": type(error).__name__}
    return redact_json(orjson.dumps(line)).decode()


def _render(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    return redact_json(orjson.dumps(event, _show, _OPTIONS)).decode()


def _show(value: object) -> object:
    """Any other object as its text; what holds others so that their names are seen, and of an error its kind alone."""
    match value:
        case BaseException():
            return type(value).__name__
        case Mapping():
            return {str(name): item for name, item in value.items()}
        case str():
            return str(value)
        case tuple() | list() | set() | frozenset():
            return list(value)
        case _:
            return str(value)


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
