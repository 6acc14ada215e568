"""Log lines as JSON, one object a line, for machines that collect logs: `REGULARS_LOG=json`."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from regulars.core.errors import EnvironmentFailed

SETTING = "REGULARS_LOG"
_MOST_NAMED = 1_000
"""Promises in one line."""
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "data"}
"""Attributes that every record has; others were given as `extra`."""


class JsonFormatter(logging.Formatter):
    """`time` in UTC, `level`, `logger`, `message`, `process`, each `extra`, and `error` with a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **{name: value for name, value in vars(record).items() if name not in _OWN},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def is_json(environ: Mapping[str, str] | None = None) -> bool:
    """Whether logs are JSON. Raises EnvironmentFailed for another value of the setting than `text` and `json`."""
    value = (os.environ if environ is None else environ).get(SETTING, "") or "text"
    if value not in {"text", "json"}:
        raise EnvironmentFailed(f"{SETTING} is `{value}`; expected `text` or `json`")
    return value == "json"


def log_promises(logger: logging.Logger, message: str, promises: Iterable[int], **more: object) -> None:
    """A line that names promises, where logs are JSON; in text it would say too much. One line for many promises.

    `more` are further keys of the line. At the level INFO, so that a higher level turns it off.
    """
    if is_json() and logger.isEnabledFor(logging.INFO):
        for listed in batched(promises, _MOST_NAMED):
            logger.info(message, extra={"promises": list(listed), **more})


def batched(numbers: Iterable[int], size: int) -> Iterator[tuple[int, ...]]:
    """The numbers in tuples of at most that many."""
    left = iter(numbers)
    while found := tuple(islice(left, size)):
        yield found


def use(handlers: Iterable[logging.Handler]) -> None:
    """Lets the handlers write JSON, if the setting asks for it."""
    if is_json():
        for handler in handlers:
            handler.setFormatter(JsonFormatter())


def uvicorn_config() -> dict[str, Any] | None:
    """The configuration of logs for uvicorn; None: its own, and warnings of others on standard error."""
    if not is_json():
        return None
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"uvicorn": {"level": "WARNING"}},
    }
