"""Methods that an email may call, and Jinja's filters and tests that it may use, within its `Budget`.

Everything else is refused: an unconsidered method could take any amount of time and memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from jinja2 import pass_context
from jinja2.exceptions import FilterArgumentError, SecurityError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.runtime import Context, LoopContext
from jinja2.tests import TESTS
from jinja2.utils import _PassArg

from regulars.render.limits import Budget, formatted, room
from regulars.render.printing import checked_number, printable

TEXT_METHODS = frozenset(
    "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit islower isnumeric"
    " isprintable isspace istitle isupper lower lstrip partition removeprefix removesuffix rfind rindex rpartition"
    " rsplit rstrip split splitlines startswith strip swapcase title upper center ljust rjust zfill replace join"
    " striptags unescape".split()
)
TIME_METHODS = frozenset("date isocalendar isoformat isoweekday strftime time timetz total_seconds weekday".split())
LIST_METHODS = frozenset(["count", "index"])
_STRIPPED = 100
"""Maximum number of characters in the argument of `strip` and `trim`."""


def check_call(budget: Budget, function: Any, arguments: tuple[Any, ...]) -> None:
    """Checks a call before it is made. Raises SecurityError for a forbidden call, LimitExceeded."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "?")
    for argument in arguments:
        budget.weighed(argument)
    if owner is None and name in ("format", "format_map") and hasattr(function, "__wrapped__"):
        formatted(budget, function.__wrapped__.__self__, arguments, "{")
    elif isinstance(owner, str) and name in TEXT_METHODS:
        _text_method(budget, owner, name, arguments)
    elif isinstance(owner, date | time | timedelta) and name in TIME_METHODS:
        pass
    elif isinstance(owner, list | tuple) and name in LIST_METHODS:
        budget.weighed(owner)
    elif not (isinstance(owner, LoopContext) and name in ("cycle", "changed")):
        raise SecurityError(f"an email cannot call `{name}`")


def _text_method(budget: Budget, text: str, name: str, arguments: tuple[Any, ...]) -> None:
    budget.spend(len(text))
    first = arguments[0] if arguments else None
    if name in ("center", "ljust", "rjust", "zfill") and isinstance(first, int):
        room(first)
        budget.spend(max(first, 0))
    elif name in ("strip", "lstrip", "rstrip"):
        _few(first)
    elif name == "replace" and len(arguments) > 1:
        budget.spend(_replaced(text, *arguments[:2]))
    elif name == "join" and isinstance(first, Iterable):
        if not isinstance(first, list | tuple | str):
            raise SecurityError("`join` takes a list: write `| join`")
        budget.spend(_joined([printable(item) for item in first], text))


def _few(characters: Any) -> None:
    if isinstance(characters, str) and len(characters) > _STRIPPED:
        raise FilterArgumentError(f"more than {_STRIPPED} characters to take off")


def _replaced(text: str, old: Any, new: Any) -> int:
    old, new = str(old), str(new)
    times = text.count(old) if len(new) > len(old) else 0
    size = len(text) + times * (len(new) - len(old))
    room(size)
    return size


def _joined(items: list[Any], between: str) -> int:
    size = sum(len(str(item)) for item in items) + len(between) * len(items)
    room(size)
    return size


def _trim(value: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    _few(arguments[0] if arguments else options.get("chars"))


def _replace(value: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    given = (*arguments, *(options[name] for name in ("old", "new") if name in options)) if options else arguments
    if len(given) > 1 and len(str(given[1])) > len(str(given[0])):
        _replaced(str(value), *given[:2])


def _round(value: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    precision = arguments[0] if arguments else options.get("precision", 0)
    if not isinstance(precision, int) or abs(precision) > 30:
        raise FilterArgumentError("`round` takes a number of places, at most 30")


def _sum(value: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    start = arguments[1] if len(arguments) > 1 else options.get("start", 0)
    if not isinstance(start, int | float | Decimal):
        raise FilterArgumentError("`sum` adds numbers up: write `join` for texts")


_CHECKS: dict[str, Callable[[Any, tuple[Any, ...], dict[str, Any]], None]] = {
    "trim": _trim,
    "replace": _replace,
    "round": _round,
    "sum": _sum,
}


def limited(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """A filter or test of Jinja with counted work."""
    look, wants = _CHECKS.get(name), _PassArg.from_obj(original)

    @pass_context
    def apply(context: Context, value: Any, *arguments: Any, **options: Any) -> Any:
        budget: Budget = context.budget  # type: ignore[attr-defined]  # both of our contexts have one
        value = budget.taken(value)
        for argument in arguments:
            budget.weighed(argument)
        if options:
            budget.weighed(options)
        if look is not None:
            look(value, arguments, options)
        if wants is None:
            return budget.made(original(value, *arguments, **options))
        if wants is _PassArg.context:
            return budget.made(original(context, value, *arguments, **options))
        own = context.eval_ctx if wants is _PassArg.eval_context else context.environment
        return budget.made(original(own, value, *arguments, **options))

    return apply


@pass_context
def join(context: Context, value: Any, d: str = "", attribute: str | int | None = None) -> Any:
    """Jinja's `join`, of values that can be printed and within the budget."""
    budget: Budget = context.budget  # type: ignore[attr-defined]
    get = make_attrgetter(context.environment, attribute) if attribute is not None else None
    items = [printable(get(item) if get else item) for item in budget.taken(value)]
    budget.spend(_joined(items, d))
    return FILTERS["join"](context.eval_ctx, items, d)


@pass_context
def string(context: Context, value: Any) -> Any:
    """A value as text, as it would be printed."""
    budget: Budget = context.budget  # type: ignore[attr-defined]
    return budget.made(FILTERS["string"](printable(value)))


@pass_context
def integer(context: Context, value: Any, default: int = 0, base: int = 10) -> int:
    """Jinja's `int`; a number of hundreds of digits is refused."""
    budget: Budget = context.budget  # type: ignore[attr-defined]
    if isinstance(value, Decimal):
        checked_number(value)
    return int(FILTERS["int"](budget.weighed(value), default, base))


COUNTED_TESTS = ("in", "==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", "ge", ">=", "<", "lt", "lessthan",
                 "<=", "le")  # fmt: skip
LIGHT = ("abs", "count", "d", "default", "first", "float", "length")
"""Filters that process a single value."""


def filters(names: Iterable[str], present: Callable[[str], Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Jinja's filters by name; `present` returns the function to count."""
    made: dict[str, Callable[..., Any]] = {"join": join, "string": string, "int": integer}
    for name in names:
        if name not in made:
            made[name] = FILTERS[name] if name in LIGHT else limited(name, present(name))
    return made


def tests() -> dict[str, Callable[..., Any]]:
    """Jinja's tests; those that compare are counted."""
    made: dict[str, Callable[..., Any]] = {**TESTS}  # type: ignore[dict-item]
    made.update({name: limited(name, made[name]) for name in COUNTED_TESTS})
    return made
