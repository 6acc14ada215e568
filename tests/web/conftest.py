"""A small business with its web server: the starter's rules, one client with one email, real HTTP on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.web.browsing import Chromium, installed
from tests.web.shop import Shop, open_shop


@pytest.fixture
def shop(engine: Engine) -> Iterator[Shop]:
    """The shop on SQLite and on PostgreSQL."""
    with open_shop(engine) as shop:
        yield shop


@pytest.fixture
def small_shop(sqlite_engine: Engine) -> Iterator[Shop]:
    """The shop on SQLite, for what does not concern the database."""
    with open_shop(sqlite_engine) as shop:
        yield shop


@pytest.fixture
def shop_below_mail(sqlite_engine: Engine) -> Iterator[Shop]:
    """The shop on SQLite, seen from outside below `/mail`."""
    with open_shop(sqlite_engine, prefix="/mail") as shop:
        yield shop


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The one browser of this test process."""
    executable = installed()
    if executable is None:
        pytest.skip("no Chromium on this machine (Debian: chromium)")
    browser = Chromium(executable)
    yield browser
    browser.close()
