"""What a run of the tests leaves out, and why: markers by the fixtures that a test asks for, a line for each reason.

`pytest --fast` leaves out every test with one of these markers, tries few examples of each property, and starts no
server. A server that is missing skips hundreds of tests: that is one line.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import settings

_BY_FIXTURE: Mapping[str, str] = {
    "postgres_server": "postgresql",
    "redis_url": "redis",
    "rabbitmq_url": "rabbitmq",
    "chromium": "browser",
    "open_site": "processes",
    "shop": "sockets",
    "small_shop": "sockets",
    "shop_below_mail": "sockets",
    "smtp_inbox": "sockets",
}
_BY_PARAMETER: Mapping[str, str] = {
    "postgresql": "postgresql",
    "postgres_engine": "postgresql",
    "redis": "redis",
    "rabbitmq": "rabbitmq",
}
"""Values of the parameters below that make a fixture or test ask for a server while it runs."""
_PARAMETERS = ("engine", "empty", "dialect", "kind")
_MARKERS = ("browser", "rabbitmq", "redis", "postgresql", "processes", "sockets", "slow")
"""A test that was left out is counted under the first of these that it has."""
_counted = pytest.StashKey[Counter[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fast`, for the loop at the keyboard."""
    parser.addoption("--fast", action="store_true", help="leave out slow tests and those that need a server or browser")


def pytest_configure(config: pytest.Config) -> None:
    """Runs before any test module is imported, so that the profile holds for all of them."""
    if config.getoption("--fast"):
        settings.load_profile("fast")
        os.environ["REGULARS_TEST_SERVERS"] = "none"  # for a test that asks for a server while it runs


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks each test with what it needs, before `-m` chooses."""
    for item in items:
        for marker in set(_needs(item)):
            item.add_marker(marker)
    if config.getoption("--fast"):
        left_out = [item for item in items if any(item.get_closest_marker(name) for name in _MARKERS)]
        if left_out:
            gone = set(left_out)
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in gone]


def _needs(item: pytest.Item) -> Iterator[str]:
    fixtures = getattr(item, "fixturenames", ())
    yield from (_BY_FIXTURE[name] for name in fixtures if name in _BY_FIXTURE)
    given = item.callspec.params if hasattr(item, "callspec") else {}
    yield from (_BY_PARAMETER[str(given[name])] for name in _PARAMETERS if str(given.get(name)) in _BY_PARAMETER)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Counts what `-m` and `-k` leave out."""
    for item in items:
        counted = item.config.stash.setdefault(_counted, Counter())
        counted[next((name for name in _MARKERS if item.get_closest_marker(name)), "not chosen")] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of xdist's processes tells the one that prints what it left out."""
    if hasattr(session.config, "workeroutput"):
        counted = session.config.stash.setdefault(_counted, Counter())
        session.config.workeroutput["left_out"] = dict(counted)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Each of xdist's processes has collected, and left out, the same."""
    node.config.stash[_counted] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A line for all that was not chosen, and one for each reason to skip."""
    left_out = config.stash.setdefault(_counted, Counter())
    if left_out:
        terminalreporter.write_line("left out: " + ", ".join(f"{left_out[name]} {name}" for name in sorted(left_out)))
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", ()))
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {count}: {reason}")


def _reason(report: Any) -> str:
    """`longrepr` of a skipped test is its file, line and reason."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(text).removeprefix("Skipped: ")
