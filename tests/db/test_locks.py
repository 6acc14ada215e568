"""Advisory locks: one registry, and who waits for whom."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from regulars.core.errors import EnvironmentFailed
from regulars.db import locks
from regulars.db.engine import read, write
from regulars.db.locks import AdvisoryLock, Busy, holder, lock, lock_each, lock_name
from regulars.operation import surroundings

SOURCES = Path(locks.__file__).parents[1]
Take = Callable[[Connection], None]


def numbers(source: str) -> list[int]:
    """The numbers of a class body, in order."""
    body = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)).body
    values = [node.value for node in body if isinstance(node, ast.Assign)]
    return [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, int)]


def test_no_number_is_used_twice() -> None:
    found = numbers(Path(locks.__file__).read_text("utf-8"))
    assert len(found) == len(set(found)) == len(AdvisoryLock)


def test_a_number_that_stands_twice_cannot_be_written() -> None:
    source = Path(locks.__file__).read_text("utf-8")
    twice = source.replace("    IMPORT =", "    EXPORT = 7_246_001\n    IMPORT =")
    assert numbers(twice).count(7_246_001) == 2
    with pytest.raises(ValueError, match="EXPORT -> PLAN"):
        exec(compile(twice, "locks.py", "exec"), {"__name__": "locks"})


def test_locks_are_taken_by_the_registry_alone() -> None:
    said = {path.name for path in SOURCES.rglob("*.py") if "pg_advisory" in path.read_text("utf-8")}
    assert said == {"locks.py"}


def _waits(engine: Engine, held: Take, wanted: Take) -> bool:
    """Whether a transaction that wants one lock waits for another that holds one."""
    with engine.begin() as first, engine.begin() as second:
        held(first)
        second.execute(text("SET LOCAL lock_timeout = '20ms'"))
        try:
            wanted(second)
        except OperationalError:
            second.rollback()
            return True
        return False


HITS = AdvisoryLock.HITS
TAKES: dict[str, Take] = {
    "plan": lambda c: lock(c, AdvisoryLock.PLAN),
    "import": lambda c: lock(c, AdvisoryLock.IMPORT),
    "hits of 1 and 2": lambda c: lock_each(c, HITS, [2, 1]),
    "hits of 2**31 + 2": lambda c: lock_each(c, HITS, [2**31 + 2]),
    "hits of 3": lambda c: lock_each(c, HITS, [3]),
    "sign-up of 1": lambda c: lock_each(c, AdvisoryLock.SIGN_UP, [1]),
    "coupons of a": lambda c: lock_name(c, AdvisoryLock.COUPONS, "a"),
    "coupons of b": lambda c: lock_name(c, AdvisoryLock.COUPONS, "b"),
}


def test_those_who_want_the_same_wait_and_no_others(postgres_engine: Engine) -> None:
    alike = {("hits of 1 and 2", "hits of 2**31 + 2"), ("hits of 2**31 + 2", "hits of 1 and 2")}
    for held, take in TAKES.items():
        waiting = {wanted for wanted, other in TAKES.items() if _waits(postgres_engine, take, other)}
        assert waiting == {held} | {other for one, other in alike if one == held}


def test_sqlite_needs_none(sqlite_engine: Engine) -> None:
    with sqlite_engine.begin() as connection:
        for take in TAKES.values():
            take(connection)


def test_a_bounded_wait_ends_and_its_holder_is_named(postgres_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_LONG_PLAN", 0.0)
    with write(postgres_engine) as first:
        lock(first, AdvisoryLock.PLAN, 1.0)
        with pytest.raises(Busy, match="holds the lock PLAN"), write(postgres_engine) as second:
            lock(second, AdvisoryLock.PLAN, 0.02)
        with read(postgres_engine) as third:
            found = holder(third, AdvisoryLock.PLAN)
            assert holder(third, AdvisoryLock.IMPORT) is None
        assert found is not None
        assert 0 <= found.seconds < 60
        (trouble,) = surroundings.long_plan(postgres_engine)
        assert "nothing new is planned until it ends" in trouble.brief
        assert f"It runs on {found.address}" in trouble.full
        lock(first, AdvisoryLock.IMPORT, 1.0)
        assert first.scalar(text("SHOW lock_timeout")) == "0"  # only for the lock
    assert surroundings.long_plan(postgres_engine) == []


def test_a_transaction_that_may_not_wait_for_long_ends(postgres_engine: Engine) -> None:
    with write(postgres_engine) as first:
        lock(first, AdvisoryLock.PLAN)
        with pytest.raises(EnvironmentFailed, match="lock timeout"), write(postgres_engine, 0.02) as second:
            lock(second, AdvisoryLock.PLAN)
