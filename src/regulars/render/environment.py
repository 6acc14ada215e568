"""The one Jinja environment: sandboxed, strict about names, and closed to everything an email has no use for.

Data are only ever values. No loader, no `safe`, no way for a value to become markup or template source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from jinja2 import StrictUndefined, Undefined
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import UndefinedError
from jinja2.nodes import EvalContext, Expr, Getattr, Name
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from regulars.render import filters
from regulars.render.link_tracking import followed

KEPT_FILTERS = [
    "abs",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "groupby",
    "int",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "string",
    "sum",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "wordcount",
]
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
"""Characters that no HTML document and no letter may hold."""
_BREAK = re.compile(r"\r\n?|\n")
STATEMENTS = frozenset(["for", "else", "elif", "endfor", "if", "endif", "set", "endset", "with", "endwith"])


class Shown(dict[Any, str]):
    """What `{{ … }}` prints for a value: looked up for a text that was printed before, else worked out.

    A name or an address stands in an email many times, and the company's in all of them. Only plain texts are kept;
    numbers would meet others that are equal and look different (`1`, `1.0`, `True`).
    """

    _MOST = 10_000

    def __init__(self, *, markup: bool) -> None:
        self._markup = markup

    def __missing__(self, value: Any) -> str:
        plain = printable(value)
        text = str(escape(plain)) if self._markup else str(plain)
        if self._markup and not text.isprintable():
            # Written so, a line break of the data's begins no line of the letter; see `compile.lined`.
            text = _BREAK.sub("&#10;", text)
        if type(value) is str:
            if len(self) >= self._MOST:
                self.clear()
            self[value] = text
        return text


class _Printing(CodeGenerator):
    """Compiles what emails do most, without a call in Python.

    `{{ … }}` becomes a look-up in `Shown`, a third of the cost of `escape(finalize(…))`; `customer.name` a look-up in
    the dict that `customer` nearly always is.
    """

    def visit_Getattr(self, node: Getattr, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        if isinstance(node.node, Name):
            owner = frame.symbols.ref(node.node.name)
            self.write(f"({owner}[{node.attr!r}] if type({owner}) is dict and {node.attr!r} in {owner} else ")
            super().visit_Getattr(node, frame)
            self.write(")")
        else:
            super().visit_Getattr(node, frame)

    def _output_child_pre(self, node: Expr, frame: Any, finalize: Any) -> None:
        self.write("environment.shown[")

    def _output_child_post(self, node: Expr, frame: Any, finalize: Any) -> None:
        self.write("]")


class Environment(ImmutableSandboxedEnvironment):
    """Mappings are looked up by key only, so that `event.items` is the event's own field."""

    shown: Shown
    careful: Environment
    """The same as Jinja itself compiles it: slower, and it says of every value why it cannot be printed."""
    evaluation: EvalContext

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`; what is not there is undefined."""
        if type(obj) is dict or isinstance(obj, Mapping):  # the first test is quick and nearly always true
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`; what is not there is undefined."""
        if isinstance(obj, Mapping):
            try:
                return obj[argument]
            except (KeyError, TypeError):
                return self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)


class Missing(StrictUndefined):
    """A name that is not there; says so in words about emails, not about Python objects."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        return f"`{self._undefined_name}` is not defined"


def printable(value: Any) -> Any:
    """What `{{ … }}` prints; refuses what would look like a machine's mistake in a letter."""
    if value is None:
        raise UndefinedError("the value is missing (none): write `{{ x or 'something else' }}` or `{% if x %}`")
    if isinstance(value, str):
        return value if value.isprintable() else _UNSAFE.sub("", value)
    if isinstance(value, (dict, list, tuple, set, datetime, date, time)):
        kind = type(value).__name__
        raise UndefinedError(f"a {kind} cannot be printed as it is: use a filter such as `date` or `join`")
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value


class Values(Context):
    """The values of one message; templates here have neither blocks nor globals, which a `Context` looks after."""

    def __init__(self, environment: Environment, values: dict[str, Any]) -> None:
        self.parent, self.vars, self.exported_vars = values, {}, set()
        self.environment, self.eval_ctx = environment, environment.evaluation
        self.name, self.globals_keys, self.blocks = None, set(), {}


def _make(*, autoescape: bool) -> Environment:
    environment, careful = _jinja(autoescape), _jinja(autoescape)
    environment.code_generator_class = _Printing
    environment.shown = Shown(markup=autoescape)
    environment.careful = careful.careful = careful
    environment.evaluation = EvalContext(environment)
    return environment


def _jinja(autoescape: bool) -> Environment:
    environment = Environment(
        autoescape=autoescape, undefined=Missing, finalize=printable, keep_trailing_newline=True, cache_size=0
    )
    kept = {name: environment.filters[name] for name in KEPT_FILTERS}
    environment.filters = kept | filters.FILTERS | {"followed": followed}
    environment.globals = dict(filters.FUNCTIONS)
    return environment


HTML = _make(autoescape=True)
TEXT = _make(autoescape=False)

__all__ = ["HTML", "STATEMENTS", "TEXT", "Environment", "Missing", "Undefined", "Values", "printable"]
