"""How a value is printed, by `{{ … }}` or inside another text."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from jinja2 import Undefined
from jinja2.exceptions import UndefinedError
from markupsafe import Markup

UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
"""Characters that are invalid in HTML and in messages."""
_DIGITS = 400
_FILTERS = {"date": "date", "datetime": "datetime", "time": "time", "list": "join", "tuple": "join", "dict": "join"}


def printable(value: Any) -> Any:
    """The text that `{{ … }}` prints; refuses values that no reader should see."""
    if value is None:
        raise UndefinedError("the value is missing (none): write `{{ x or 'something else' }}` or `{% if x %}`")
    if isinstance(value, str):
        if value.isprintable():
            return value
        clean = UNSAFE.sub("", value)
        return Markup(clean) if isinstance(value, Markup) else clean  # noqa: S704  it was markup before
    if isinstance(value, Decimal):
        return format(checked_number(value).normalize(), "f")
    if isinstance(value, int | float | Undefined):  # an undefined value raises its own error
        return value
    kind = type(value).__name__
    hint = f": use a filter such as `{_FILTERS[kind]}`" if kind in _FILTERS else ""
    raise UndefinedError(f"{_a(kind)} cannot be printed as it is{hint}")


def _a(kind: str) -> str:
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def checked_number(value: Decimal) -> Decimal:
    """The number, unless it has hundreds of digits when written out. Raises UndefinedError."""
    if -_DIGITS <= value.adjusted() <= _DIGITS:  # 0 for non-finite numbers
        return value
    raise UndefinedError(f"a number of more than {_DIGITS} digits cannot be shown")


def plain(value: Any) -> str:
    """A value as plain text: the result of `{% set x %}…{% endset %}` in HTML is unescaped."""
    return value.unescape() if isinstance(value, Markup) else str(value)
