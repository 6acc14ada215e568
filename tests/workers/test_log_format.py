"""Log lines as JSON."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from regulars.core.errors import EnvironmentFailed
from regulars.core.log_format import JsonFormatter, is_json, uvicorn_config


def line(**extra: object) -> dict[str, object]:
    record = logging.makeLogRecord({"name": "regulars.x", "levelno": 30, "levelname": "WARNING", "msg": "%d of %s",
                                    "args": (3, "ä\n"), **extra})  # fmt: skip
    written = JsonFormatter().format(record)
    assert "\n" not in written
    found = json.loads(written)
    assert isinstance(found, dict)
    return found


def test_a_line_has_what_was_said_and_what_was_given_with_it() -> None:
    found = line(promise=7, where=Path("a"))
    assert (found["level"], found["logger"], found["message"]) == ("warning", "regulars.x", "3 of ä\n")
    assert (found["promise"], found["where"]) == (7, "a")
    assert str(found["time"]).endswith("+00:00")


def test_an_exception_is_one_line_too() -> None:
    try:
        int("no")
    except ValueError:
        assert str(line(exc_info=sys.exc_info())["error"]).startswith("Traceback")


def test_only_two_values_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_json({})
    assert is_json({"REGULARS_LOG": "json"})
    with pytest.raises(EnvironmentFailed, match="expected `text` or `json`"):
        is_json({"REGULARS_LOG": "jsno"})
    assert uvicorn_config() is None
    monkeypatch.setenv("REGULARS_LOG", "json")
    assert uvicorn_config() is not None


@pytest.mark.slow
def test_a_worker_writes_json(tmp_path: Path) -> None:
    code = (
        "from celery.signals import after_setup_logger as ready; import logging;"
        "from regulars.workers import app; logger = logging.getLogger('x');"
        "logger.addHandler(logging.StreamHandler()); ready.send(sender=None, logger=logger); logger.warning('hello')"
    )
    environment = {**os.environ, "REGULARS_LOG": "json", "REGULARS_WORKSPACE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stderr.strip().splitlines()[-1])["message"] == "hello"
