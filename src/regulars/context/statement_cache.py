"""Statements that are put together once and run at many instants.

To put a planner's statement together takes several times as long as to run it on a few thousand clients. A simulation
plans at hundreds of instants, so it keeps its statements; what differs from one instant to the next they look up when
they run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement
from sqlalchemy.types import TypeEngine

_T = TypeVar("_T")


class DeferredValue(BindParameter[Any]):
    """A parameter whose value is looked up when the statement runs.

    A class of its own, so that SQLAlchemy does not take the compiled form of a statement with fixed values for one with
    late ones: it looks into the compiled parameters to know which they are.
    """

    inherit_cache = True


class StatementCache:
    """The statements of one simulation: for one database, one set of rules, and one thread."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}
        self._asked: Any = None

    def take(self, key: Hashable, asked: Any, build: Callable[[], _T]) -> _T:
        """The statement of that key, put together if it is not there yet; it must run before another is taken.

        `asked` is what its late values are looked up in.
        """
        self._asked = asked
        found: _T | None = self._kept.get(key)
        if found is None:
            found = self._kept[key] = build()
        return found

    def deferred(self, kind: TypeEngine[Any], value: Callable[[Any], Any]) -> ColumnElement[Any]:
        """A value that is looked up each time the statement runs."""
        return DeferredValue(None, type_=kind, unique=True, callable_=lambda: value(self._asked))
