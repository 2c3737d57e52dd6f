"""One place where lines are logged: structlog and the standard library alike, to one stream, without secrets.

Knows: levels, formats, which libraries talk too much. Must not know: settings, what is logged.

Every string of a record goes through `bot.core.secrets.redact`, the text of exceptions and of warnings included.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog

from bot import measuring
from bot.core.secrets import redact

NOISY = (
    "aiosqlite",
    "alembic",
    "apscheduler",
    "httpcore",
    "httpx",
    "oauthlib",  # it shows all that it signs, tokens too
    "slack_bolt",
    "slack_sdk",
    "uvicorn.access",  # its lines hold query strings, and with them one-time codes
)
"""Libraries whose lines below WARNING tell an operator nothing, or too much."""

_COUNTED = frozenset({"warning", "error", "critical"})
_MAX_DEPTH = 6
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
_ONE_LINE = {10: "\\n"} | {
    code: f"\\u{code:04x}"
    for code in (0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
}
"""What would begin a line that nobody wrote, or turn the direction of one (https://trojansource.codes)."""
_OF_MANY_LINES = frozenset({"exception", "stack"})


def configure(level: str, fmt: str, stream: TextIO) -> None:
    """Send all log lines from `level` up to `stream`, as JSON (`fmt` "json") or for people ("console").

    May be called again: the last call counts.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        counted,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # so that configuring again reaches loggers that exist
    )
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                without_secrets,
                *(() if fmt == "json" else (on_one_line,)),
                _renderer(fmt, stream),
            ],
        )
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(capture=True)


def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what nobody caught as the process ends, so that its text passes the same filter (`sys.excepthook`)."""
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger("bot").critical("crashed", exc_info=(kind, error, trace))


def counted(
    logger: object,  # noqa: ARG001 - structlog's signature
    method: str,  # noqa: ARG001 - structlog's signature
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Count the line, from warnings up: of whatever goes wrong a line is logged."""
    if (level := str(event.get("level"))) in _COUNTED:
        measuring.logged(level)
    return event


def without_secrets(
    logger: object,  # noqa: ARG001 - structlog's signature
    method: str,  # noqa: ARG001 - structlog's signature
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Redact every string of the event, however deep; what is neither text nor number is shown by its repr."""
    return {str(key): _clean(value, _MAX_DEPTH) for key, value in event.items()}


def _clean(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(value).translate(_CONTROL)
    if depth and isinstance(value, Mapping):
        return {_clean(str(key), 0): _clean(inner, depth - 1) for key, inner in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner, depth - 1) for inner in value]
    return redact(repr(value)).translate(_CONTROL)


def on_one_line(
    logger: object,  # noqa: ARG001 - structlog's signature
    method: str,  # noqa: ARG001 - structlog's signature
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Keep each value on its line, and indent what has many: what strangers sent must not look like a line of ours."""
    return {key: _flat(value, many=key in _OF_MANY_LINES) for key, value in event.items()}


def _flat(value: object, *, many: bool) -> Any:
    if not isinstance(value, str):
        return value
    if many:
        return "\n".join(f"    {line.translate(_ONE_LINE)}" for line in value.split("\n"))
    return value.translate(_ONE_LINE)


def _renderer(fmt: str, stream: TextIO) -> structlog.typing.Processor:
    if fmt == "json":
        return structlog.processors.JSONRenderer(sort_keys=True)
    # Exceptions are already text here: the pretty formatters would print local variables, secrets among them.
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to the stream; a line that can't be written is dropped without showing its raw parts."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say where the line came from; the standard handler would print the record's arguments, unfiltered."""
        kind = sys.exc_info()[0]
        if kind is not None and issubclass(kind, BrokenPipeError):
            return
        try:
            self.stream.write(
                f"a log line of {record.name} could not be written ({kind and kind.__name__})\n"
            )
        except (OSError, ValueError):
            return  # the stream itself is gone
