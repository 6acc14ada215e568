"""Statements that are built once and executed at many instants.

Building a planner's statement takes several times as long as executing it on a few thousand clients. A simulation
plans at hundreds of instants, so it caches its statements; values that depend on the instant are looked up at
execution.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement
from sqlalchemy.types import TypeEngine

_T = TypeVar("_T")


class DeferredValue(BindParameter[Any]):
    """A parameter whose value is looked up when the statement is executed.

    A class of its own, so that SQLAlchemy does not reuse the compiled form of a statement with fixed values for one
    with deferred ones: it distinguishes them by the compiled parameters.
    """

    inherit_cache = True


class StatementCache:
    """The statements of one simulation: for one database, one set of rules, and one thread."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}
        self._asked: Any = None

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, key: Hashable, asked: Any, build: Callable[[], _T]) -> _T:
        """The statement for the key, built if missing; execute it before taking another.

        `asked` is the context in which its deferred values are looked up.
        """
        self._asked = asked
        found: _T | None = self._kept.get(key)
        if found is None:
            found = self._kept[key] = build()
        return found

    def deferred(self, kind: TypeEngine[Any], value: Callable[[Any], Any]) -> ColumnElement[Any]:
        """A value that is looked up at each execution."""
        return DeferredValue(None, type_=kind, unique=True, callable_=lambda: value(self._asked))
