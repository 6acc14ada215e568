"""Dates, money, numbers and plurals in the reader's language and zone.

Each filter refuses a missing value with a sentence an author understands. Babel's results are cached, since the
thousand emails of one run show the same few dates and prices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date as Date
from datetime import datetime as DateTime
from datetime import time as Time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote

from babel import Locale, dates, numbers
from babel.core import UnknownLocaleError
from jinja2 import pass_context
from jinja2.exceptions import FilterArgumentError, UndefinedError
from jinja2.filters import FILTERS as JINJA
from jinja2.runtime import Context, Undefined
from markupsafe import Markup

from regulars.core.calendar import zone
from regulars.render.printing import checked_number, plain, printable
from regulars.render.question_calls import question_calls
from regulars.render.vocative import vocative as called

FORMATS = "_formats"
"""The context's own name for its `Formats`; `check` does not know it, so no author can use it."""
MOST_LISTED = 100
"""Words of one list."""
STYLES = ("short", "medium", "long", "full")
CATEGORIES = ("zero", "one", "two", "few", "many", "other")


@dataclass(frozen=True, slots=True)
class Formats:
    """The locale and time zone of one message, its default currency and the reader's day."""

    locale: str
    timezone: str
    currency: str | None
    today: Date | None


@lru_cache(maxsize=256)
def babel(locale: str) -> Locale:
    """The Babel locale of a tag such as `pt-BR`; a region Babel does not know is dropped. Raises ValueError."""
    tag = locale.replace("-", "_")
    for candidate in dict.fromkeys((tag, tag.split("_")[0])):
        try:
            return Locale.parse(candidate)
        except (UnknownLocaleError, ValueError):
            continue
    raise ValueError(f"`{locale}` is not a language tag such as `ro` or `pt-BR`")


def _refuse(value: Any, what: str) -> UndefinedError:
    if isinstance(value, Undefined):
        return UndefinedError(value._undefined_message)  # noqa: SLF001  Jinja has no public name for it
    if value is None:
        return UndefinedError(f"no {what} to show: the value is missing (none)")
    return UndefinedError(f"`{value}` is not {'an' if what[0] in 'aeiou' else 'a'} {what}")


def _local(value: Any, formats: Formats, what: str) -> DateTime:
    if isinstance(value, str):
        value = _read(plain(value), what)
    if not isinstance(value, DateTime):
        raise _refuse(value, what)
    if value.tzinfo is None:
        raise UndefinedError(f"`{value}` has no time zone, so its {what} is unknown")
    return value.astimezone(zone(formats.timezone))


@lru_cache(maxsize=4096)
def _read(text: str, what: str) -> Date | DateTime:
    """Dates inside events are ISO text."""
    try:
        return Date.fromisoformat(text) if len(text) == 10 else DateTime.fromisoformat(text)
    except ValueError as error:
        raise _refuse(text, what) from error


def _day(value: Any, formats: Formats) -> Date:
    if isinstance(value, str):
        value = _read(plain(value), "date")
    if isinstance(value, DateTime):
        return _local(value, formats, "date").date()
    if isinstance(value, Date):
        return value
    raise _refuse(value, "date")


def _spelled(text: str) -> str:
    """With the apostrophe of all other words, and the no-break space that every font of a mail program has.

    CLDR has a letter of its own in the Ukrainian Friday, and a narrow space before the year's sign and before PM.
    """
    return text.replace("\u02bc", "\u2019").replace("\u202f", "\u00a0")


@lru_cache(maxsize=8192)
def _format_date(day: Date, style: str, locale: str) -> str:
    return _spelled(dates.format_date(day, style, locale=babel(locale)))


@lru_cache(maxsize=8192)
def _format_skeleton(day: Date, skeleton: str, locale: str) -> str:
    return _spelled(dates.format_skeleton(skeleton, DateTime.combine(day, Time()), locale=babel(locale)))


@lru_cache(maxsize=8192)
def _format_time(clock: Time, style: str, locale: str) -> str:
    return _spelled(dates.format_time(clock, style, locale=babel(locale)))


@lru_cache(maxsize=8192)
def _format_datetime(local: DateTime, style: str, locale: str) -> str:
    return _spelled(dates.format_datetime(local, style, locale=babel(locale)))


@lru_cache(maxsize=8192)
def _format_money(amount: Decimal, currency: str, locale: str) -> str:
    if amount != amount.to_integral_value():
        return _symbol(numbers.format_currency(amount, currency, locale=babel(locale)))
    pattern = babel(locale).currency_formats["standard"].pattern.replace(".00", "")
    return _symbol(numbers.format_currency(amount, currency, pattern, locale=babel(locale), currency_digits=False))


_CODE = re.compile(r"\b([A-Z]{3})(?=[\d-])")
_NARROW = "\N{NARROW NO-BREAK SPACE}"
"""What Babel separates groups of digits with in some languages; not every mail program's font has it."""


def _symbol(text: str) -> str:
    """Some locales spell the euro out; emails use the sign. A code of letters keeps its distance from the number."""
    return _CODE.sub("\\1\N{NO-BREAK SPACE}", text.replace("EUR", "€")).replace(_NARROW, "\N{NO-BREAK SPACE}")


@lru_cache(maxsize=8192)
def _format_number(value: Decimal, locale: str) -> str:
    return numbers.format_decimal(value, locale=babel(locale))


def _style(style: str) -> str:
    if style not in STYLES:
        raise FilterArgumentError(f"`{style}` is not a style: write one of {', '.join(STYLES)}, `month` or `day`")
    return style


@pass_context
def date(context: Context, value: Any, style: str = "long") -> str:
    """`5 March 2026`; styles short, medium, long, full; `day` is `5 March`, `month` is `March 2026`."""
    formats: Formats = context[FORMATS]
    day = _day(value, formats)
    if style == "day":
        return _format_skeleton(day, "MMMMd", formats.locale)
    if style == "month":
        return _format_skeleton(day, "yMMMM", formats.locale)
    return _format_date(day, _style(style), formats.locale)


@pass_context
def time(context: Context, value: Any, style: str = "short") -> str:
    """`14:30` in the reader's time zone."""
    formats: Formats = context[FORMATS]
    local = _local(value, formats, "time")
    return _format_time(local.time().replace(tzinfo=None), _style(style), formats.locale)


@pass_context
def datetime(context: Context, value: Any, style: str = "long") -> str:
    """`5 March 2026 at 14:30` in the reader's time zone."""
    formats: Formats = context[FORMATS]
    local = _local(value, formats, "time").replace(tzinfo=None, second=0, microsecond=0)
    day = _format_date(local.date(), _style(style), formats.locale)
    clock = _format_time(local.time(), "short", formats.locale)
    return _datetime_pattern(style, formats.locale).format(clock, day)


@lru_cache(maxsize=256)
def _datetime_pattern(style: str, locale: str) -> str:
    return str(babel(locale).datetime_formats[style]).replace("'", "")


def _decimal(value: Any, what: str) -> Decimal:
    if isinstance(value, Decimal):
        return checked_number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _refuse(value, what)
    try:
        return checked_number(Decimal(str(value)))
    except InvalidOperation as error:
        raise _refuse(value, what) from error


@pass_context
def money(context: Context, value: Any, currency: str | None = None) -> str:
    """`1 234,50 €`, in `currency` or the company's; a whole amount has no cents."""
    formats: Formats = context[FORMATS]
    code = currency or formats.currency
    if not code:
        raise FilterArgumentError("the currency is not known: write `money('EUR')`")
    return _format_money(_decimal(value, "amount"), plain(code), formats.locale)


@pass_context
def number(context: Context, value: Any) -> str:
    """`1 234.5` with the language's separators."""
    formats: Formats = context[FORMATS]
    return _format_number(_decimal(value, "number"), formats.locale)


@pass_context
def plural(context: Context, value: Any, forms: str) -> str:
    """The plural form of a word for a number: `{{ n }} {{ n | plural('one=year|other=years') }}`.

    Forms are named zero, one, two, few, many, other; `other` is required and the default for missing forms. `#` in a
    form is the number itself, so `plural('one=# year|other=# years')` gives both at once.
    """
    formats: Formats = context[FORMATS]
    amount = _decimal(value, "number")
    if amount == amount.to_integral_value():
        amount = amount.to_integral_value()  # 100.0 is shown as 100, and takes the form of 100
    given = read_forms(plain(forms))
    form = given.get(babel(formats.locale).plural_form(amount), given["other"])
    return form.replace("#", _format_number(amount, formats.locale)) if "#" in form else form


@pass_context
def listed(context: Context, values: Iterable[Any]) -> str:
    """Several words as the language joins them: `{{ products | map(attribute='name') | listed }}` is "A, B and C"."""
    from babel.lists import format_list

    formats: Formats = context[FORMATS]
    words = [plain(one) for one in islice(values, MOST_LISTED)]
    return format_list(words, style="standard", locale=babel(formats.locale)) if words else ""


@lru_cache(maxsize=1024)
def read_forms(forms: str) -> Mapping[str, str]:
    """`"one=year|other=years"` as a mapping. Raises FilterArgumentError with what is wrong."""
    read: dict[str, str] = {}
    for part in forms.split("|"):
        name, equals, text = part.partition("=")
        if not equals or name.strip() not in CATEGORIES:
            raise FilterArgumentError(
                f"`{part}` is not a plural form such as `one=year`; forms: {', '.join(CATEGORIES)}"
            )
        read[name.strip()] = text.strip()
    if "other" not in read:
        raise FilterArgumentError("plural forms need `other=…`")
    return read


@pass_context
def vocative(context: Context, value: Any) -> str:
    """A first name in the vocative: `Олено` in Ukrainian, unchanged in languages without this form."""
    formats: Formats = context[FORMATS]
    if value is None or isinstance(value, Undefined):
        raise _refuse(value, "name")
    name = plain(value)
    return called(name) if babel(formats.locale).language == "uk" else name


@pass_context
def years_since(context: Context, value: Any) -> int:
    """Whole years from a day to the reader's today; 29 February counts on the 28th in common years."""
    formats: Formats = context[FORMATS]
    day = _day(value, formats)
    today = formats.today
    if today is None:
        raise UndefinedError("`today` is not known here")
    reached = (today.month, today.day) >= (
        day.month,
        28 if (day.month, day.day) == (2, 29) and today.year % 4 else day.day,
    )
    return today.year - day.year - (0 if reached else 1)


_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_SCHEMES = ("https:", "http:", "mailto:", "tel:", "sms:", "cid:")
_PASSED_OVER = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff]+")
"""Characters that browsers ignore when they parse the scheme."""


def web_address(value: Any) -> str:
    """The value, if it is a permitted link: `https:`, `http:`, `mailto:`, `tel:`. The compiler applies it to links."""
    if not isinstance(value, str):
        raise _refuse(value, "address")
    if value.startswith(("https://", "http://")):
        return value
    address = plain(value) if isinstance(value, Markup) else value
    read = _PASSED_OVER.sub("", address)
    scheme = _SCHEME.match(read)
    if scheme and scheme[0].lower() not in _SCHEMES:
        raise UndefinedError(f"a link may not lead to `{read[:60]}`")
    return value


def urlencode(value: Any) -> str:
    """A value encoded for the query of a link: `Tom & Anna #1` is `Tom%20%26%20Anna%20%231`."""
    return quote(str(plain(printable(value))), safe="")


_TEXTUAL = ("capitalize", "lower", "replace", "title", "trim", "truncate", "upper")


def present(name: str) -> Callable[..., Any]:
    """Jinja's filter `name`, except that it refuses a missing value."""
    original: Callable[..., Any] = JINJA[name]
    if name not in _TEXTUAL:
        return original

    def apply(*arguments: Any, **options: Any) -> Any:
        if any(a is None for a in arguments[:2]):
            raise _refuse(None, "text")
        return original(*arguments, **options)

    for mark in ("jinja_pass_arg",):
        if hasattr(original, mark):
            setattr(apply, mark, getattr(original, mark))
    return apply


FILTERS: dict[str, Callable[..., Any]] = {
    "date": date,
    "time": time,
    "datetime": datetime,
    "money": money,
    "number": number,
    "listed": listed,
    "plural": plural,
    "vocative": vocative,
    "urlencode": urlencode,
    "web_address": web_address,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {"years_since": years_since, **question_calls({})}
