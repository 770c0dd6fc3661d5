"""Logs: lines for people on a terminal, JSON lines elsewhere. The message is a constant phrase, fields vary."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from observability.plain_text import json_line, visible

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message and the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        } | _fields(record)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json_line(line)


class PlainLines(logging.Formatter):
    """Time, level, message and fields as name=value, on one line whatever they hold; a traceback has its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = visible(f"{_time(record)[11:23]} {record.levelname:<7} {record.getMessage()}{fields}", keeps="")
        return line + "\n" + visible(self.formatException(record.exc_info)) if record.exc_info else line


class RateLimit(logging.Filter):
    """Let one record with the same phrase through every `every_s`; the next one tells how many were held back."""

    def __init__(self, every_s: float = 5.0) -> None:
        """Start with nothing seen."""
        super().__init__()
        self._every_s = every_s
        self._last: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is written."""
        phrase = str(record.msg)[:80]
        at, held = self._last.get(phrase, (float("-inf"), 0))
        if record.created - at < self._every_s:
            self._last[phrase] = (at, held + 1)
            return False
        if len(self._last) > 1000:  # noqa: PLR2004 - phrases are few; this bounds what a library may make up
            self._last.clear()
        self._last[phrase] = (record.created, 0)
        if held:
            record.held_back = held
        return True


def set_up(level: str = "INFO") -> None:
    """Send all logs to standard error; call once, at the entry point."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainLines() if handler.stream.isatty() else JsonLines())
    # aiokafka and kafka clients log a line per retry while a broker is away.
    handler.addFilter(_only("aiokafka", RateLimit()))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _only(prefix: str, inner: logging.Filter) -> logging.Filter:
    class Only(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            return not record.name.startswith(prefix) or bool(inner.filter(record))

    return Only()
