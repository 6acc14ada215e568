"""Limits of the work for one text of an email, counted and never timed: the same text fails everywhere in the same way.

Loops count their rounds, operations the characters and items that they process, and output is counted before it is
joined. A template whose work would exceed the limits fails at the tag that causes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import markup_join as _markup_join
from jinja2.runtime import str_join as _str_join

from regulars.render.printing import checked_number, printable

MAX_ROUNDS = 20_000
"""Rounds of all loops of one text, nested ones multiplied."""
MAX_TEXT = 200_000
"""Characters of a text, or items of a list, that one operation produces."""
MAX_WORK = 5_000_000
"""Characters and items that the operations of one text process."""
MAX_OUTPUT = 2_000_000
"""Characters of one finished text."""
MAX_BITS = 4096
"""Size of an integer result of `*` and `**`: 1233 digits."""
LONG = 200
"""Characters from which a printed value is counted individually."""
MAX_SHORT_PIECES = 2000
"""Pieces of a finished text from which their sizes are summed: fewer cannot exceed the limit."""
PRINTED = 20
"""Characters counted for a printed value in each round of a loop."""
ITEM = 20
"""Characters counted for an item of a list that is processed."""
MAX_DEPTH = 20
"""How deep `loop(…)` may call itself."""
_CONTAINERS = (list, tuple, dict, set, frozenset)


class LimitExceeded(TemplateRuntimeError):
    """A text exceeds a limit; `loop` is the number of the loop that caused it, if any."""

    def __init__(self, message: str, loop: int | None = None) -> None:
        super().__init__(message)
        self.loop = loop


class Budget:
    """The work of one text of one message so far."""

    # Class attributes, so that creating one costs nothing: most texts use none.
    rounds = work = output = repeated = 0

    def loop(self, items: Any, number: int | None, weight: int) -> Any:
        """The items of a loop, with its rounds counted; `weight` is the minimum number of characters per round."""
        try:
            count = len(items)
        except TypeError:  # a generator, such as the result of `map`
            return self._counted(items, number, weight)
        self._count_rounds(count, number, weight)
        return items

    def deeper(self, items: Any, depth: int) -> Any:
        """The items of a recursive call of a loop; its rounds are counted."""
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"a loop calls itself more than {MAX_DEPTH} deep")
        return self.loop(items, None, 0)

    def _counted(self, items: Iterable[Any], number: int | None, weight: int) -> Iterator[Any]:
        for item in items:
            self._count_rounds(1, number, weight)
            yield item

    def _count_rounds(self, count: int, number: int | None, weight: int) -> None:
        self.rounds += count or 1  # an empty loop takes time, too
        self.repeated += count * weight
        if self.rounds > MAX_ROUNDS:
            raise LimitExceeded(f"the loops of an email may go round {MAX_ROUNDS} times, all together", number)
        if self.repeated > MAX_OUTPUT:
            raise LimitExceeded(f"what the loop writes is longer than {MAX_OUTPUT} characters", number)

    def spend(self, amount: int) -> None:
        """Counts characters or items that an operation processes."""
        self.work += amount
        if self.work > MAX_WORK:
            raise LimitExceeded(f"the tags of an email may go through {MAX_WORK} characters, all together")

    def put(self, length: int) -> None:
        """Counts a long value that is printed."""
        self.output += length
        if self.output > MAX_OUTPUT:
            raise LimitExceeded(f"the text is longer than {MAX_OUTPUT} characters")

    def made(self, text: Any) -> Any:
        """The text that an operation produced, counted; refused if it is too long."""
        if isinstance(text, str):
            length = len(text)
            if length > MAX_TEXT:
                room(length)
            self.work += length
        return text

    def weighed(self, value: Any) -> Any:
        """The value, with its size counted: a text's characters, and all items of a list at any depth."""
        if isinstance(value, str):
            self.spend(len(value))
        elif isinstance(value, _CONTAINERS):
            self._weigh(value)
        elif isinstance(value, Decimal):
            checked_number(value)
        return value

    def _weigh(self, value: Any) -> None:
        waiting = [value]
        while waiting:
            each = waiting.pop()
            self.spend(ITEM)
            if isinstance(each, str):
                self.spend(len(each))
            elif isinstance(each, Mapping):
                waiting.extend(each)
                waiting.extend(each.values())
            elif isinstance(each, _CONTAINERS):
                waiting.extend(each)

    def taken(self, value: Any) -> Any:
        """A filter's input, counted; the items of a generator are counted as they come."""
        if isinstance(value, str):
            self.spend(len(value))
            return value
        return self._weighed_later(value) if isinstance(value, Iterator) else self.weighed(value)

    def _weighed_later(self, items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            self.spend(ITEM)
            yield self.weighed(item)

    def str_join(self, values: Iterable[Any]) -> Any:
        """`a ~ b` in the text part and the subject."""
        return self.made(_str_join(printable(value) for value in values))

    def markup_join(self, values: Iterable[Any]) -> Any:
        """`a ~ b` in HTML."""
        return self.made(_markup_join(printable(value) for value in values))


CURRENT: ContextVar[Budget] = ContextVar("budget")
"""The budget of the text being rendered, for printed values: look-ups of printed values have no context."""


def room(size: int) -> None:
    """Raises LimitExceeded for a text or list of this size that is too large."""
    if size > MAX_TEXT:
        raise LimitExceeded(f"this makes more than {MAX_TEXT} characters or items")


def operate(budget: Budget, operator: str, left: Any, right: Any) -> None:
    """Checks `+`, `*`, `**` and `%` before they are computed. Raises LimitExceeded."""
    for value in (left, right):
        budget.weighed(value)
    if operator == "*":
        _multiply(budget, left, right)
    elif operator == "**":
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > MAX_BITS:
            raise LimitExceeded("the number is too large")
    elif operator == "+":
        if isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
            room(len(left) + len(right))
    elif isinstance(left, str):
        values = right.values() if isinstance(right, Mapping) else right if isinstance(right, tuple) else (right,)
        formatted(budget, left, values, "%")


def _multiply(budget: Budget, left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > MAX_BITS:
            raise LimitExceeded("the number is too large")
        return
    for text, count in ((left, right), (right, left)):
        if isinstance(text, str | list | tuple) and isinstance(count, int):
            room(len(text) * count)
            before = budget.work
            budget.weighed(text)
            budget.spend((budget.work - before) * max(count, 0))


_WIDE = re.compile(r"\*|\d{4}")


def formatted(budget: Budget, pattern: str, values: Iterable[Any], sign: str) -> None:
    """Checks a format string before its values are filled in."""
    if _WIDE.search(pattern):
        raise LimitExceeded("a value is not filled up to a width of a thousand characters")
    longest = max((len(str(printable(value))) for value in values), default=0)
    room(len(pattern) + pattern.count(sign) * (longest + 1000 * bool(re.search(r"\d{2}", pattern))))
    budget.spend(len(pattern))


def measure(pieces: Iterable[str]) -> None:
    """Raises LimitExceeded for a joined text that is too large."""
    if sum(map(len, pieces)) > MAX_OUTPUT:
        raise LimitExceeded(f"the text is longer than {MAX_OUTPUT} characters")
