"""`/p/{token}`: what they get and how often, in which language; a break; their data, and being forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from babel.dates import format_date
from starlette.datastructures import FormData
from starlette.responses import Response

from regulars.consent.data_request import REQUESTED, data_requested, request_data
from regulars.consent.preferences import (
    Changes,
    change,
    choose_topics,
    objectors,
    preferences_of,
    set_tracking_objection,
)
from regulars.consent.rights import erase
from regulars.consent.subscription import standing
from regulars.core import ids
from regulars.core.calendar import local_date
from regulars.ledger.recall import recall
from regulars.rules.model import Rulebook
from regulars.web.recipient.link_request import Visit, form_values
from regulars.web.recipient.page_words import choose
from regulars.web.recipient.topics import label, topics

OWN_NAMES: Mapping[str, str] = {
    "en": "English", "uk": "Українська", "ru": "Русский", "ro": "Română", "et": "Eesti",
}  # fmt: skip
GAPS = (7, 30)
WEEKS = (2, 4, 8, 12)
_EARLIEST = date(1900, 1, 1)


def show(visit: Visit, *, wrong: str | None = None, status: int = 200) -> Response:
    """The page, as things are."""
    if visit.who.erased:
        return visit.message("erased")
    now = preferences_of(visit.connection, visit.who.customer)
    words = standing(visit.connection, visit.who.customer)
    offered = topics(visit.book)
    resting = now.paused_until is not None and now.paused_until > visit.now
    return visit.page(
        "preferences.html",
        status=status,
        saved="saved" in visit.request.query_params and wrong is None,
        wrong=wrong,
        data=_data(visit),
        topics=[(t, label(visit.book, t, visit.t), words.gets(t, opt_in=visit.opt_in)) for t in offered],
        gaps=GAPS,
        gap=now.gap_days,
        weeks=WEEKS,
        resting=_day(visit, now.paused_until) if resting and now.paused_until else None,
        languages=_languages(now.locale),
        language=_language(now.locale),
        birthday=now.birthday.isoformat() if now.birthday else "",
        today=_today(visit).isoformat(),
        measures=visit.book.policy.tracking.any,
        measured=not objectors(visit.connection, [visit.who.customer]),
    )


def act(visit: Visit, form: FormData) -> Response:
    """Saves; or forgets the person, once they have typed their address."""
    if visit.who.erased:
        return visit.message("erased")
    what = form_values(form, "act")
    if what == "erase":
        return _erase(visit, form)
    if what == "data" and data_offered(visit.book):
        request_data(visit.connection, visit.who, visit.now)
        return visit.again("?asked=1")
    if what != "save":
        return visit.message("unclear", status=400)
    try:
        asked = _changes(visit, form)
    except ValueError:
        return show(visit, wrong="birthday", status=400)
    wanted = {value for value in form.getlist("topic") if isinstance(value, str)}
    offered = topics(visit.book)
    chosen = choose_topics(
        visit.connection, visit.who, offered, wanted & set(offered), visit.now, visit.t("prefs_topics"),
        opt_in=visit.opt_in,
    )  # fmt: skip
    changed = change(visit.connection, visit.who, asked, visit.now)
    if _measuring(visit, form) or changed or chosen:
        recall(visit.connection, visit.who.customer)
    return visit.again("?saved=1")


def data_offered(book: Rulebook) -> bool:
    """Whether there is a campaign that answers those who ask for their data."""
    return any(c.on == REQUESTED and c.enabled and c.to == "customer" for c in book.campaigns.values())


def _data(visit: Visit) -> str:
    """Which words stand under "your data": the button, that it is on its way, or whom to ask."""
    if not data_offered(visit.book):
        return "reply"
    return "asked" if data_requested(visit.connection, visit.who, visit.now) else "button"


def _changes(visit: Visit, form: FormData) -> Changes:
    now = preferences_of(visit.connection, visit.who.customer)
    language = form_values(form, "language")
    return Changes(
        locale=language if language in OWN_NAMES and language != _language(now.locale) else None,
        birthday=_birthday(visit, form_values(form, "birthday")),
        gap_days=_one_of(GAPS, form_values(form, "gap")),
        weeks=_one_of((0, *WEEKS), form_values(form, "weeks")),
    )


def _measuring(visit: Visit, form: FormData) -> bool:
    """Keeps whether clicks may be counted, if the page asked; tells whether that is new."""
    if form_values(form, "offered") != "tracking":
        return False
    allowed, words = form_values(form, "measured") == "yes", visit.t("prefs_tracking_yes")
    return set_tracking_objection(visit.connection, visit.who, allowed=allowed, at=visit.now, wording=words)


def _one_of(numbers: Sequence[int], text: str | None) -> int | None:
    return next((number for number in numbers if str(number) == text), None)


def _birthday(visit: Visit, text: str | None) -> date | None:
    """The date typed; raises ValueError for one that cannot be a living person's birthday."""
    if text is None:
        return None
    found = date.fromisoformat(text)
    if not _EARLIEST <= found <= _today(visit):
        raise ValueError(text)
    return found


def _erase(visit: Visit, form: FormData) -> Response:
    now = preferences_of(visit.connection, visit.who.customer)
    typed = ids.address_hash(form_values(form, "email") or "", visit.site.secret)
    if typed != now.email_hash:
        return show(visit, wrong="email", status=400)
    erase(visit.connection, visit.who.customer, visit.now)
    recall(visit.connection, visit.who.customer)
    return visit.message("erased")


def _language(locale: str | None) -> str:
    """The language on offer that is theirs, or empty."""
    found = choose(locale).language
    return found if locale and locale.lower().startswith(found) else ""


def _languages(locale: str | None) -> list[tuple[str, str]]:
    """What to choose from; somebody whose language is not on offer can leave it as it is."""
    return ([] if _language(locale) else [("", locale or "–")]) + list(OWN_NAMES.items())


def _day(visit: Visit, moment: datetime) -> str:
    there = local_date(moment, visit.who.timezone or visit.company.timezone)
    return format_date(there, "long", locale=visit.t.language)


def _today(visit: Visit) -> date:
    return local_date(visit.now, visit.who.timezone or visit.company.timezone)
