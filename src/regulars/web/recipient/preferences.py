"""`/p/{token}`: topics, frequency, language, pause, data export and erasure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from babel.dates import format_date
from starlette.datastructures import FormData
from starlette.responses import Response

from regulars.consent.data_request import REQUESTED, data_requested, request_data
from regulars.consent.preferences import (
    Changes,
    choose_topics,
    objectors,
    preferences_of,
    save_changes,
    set_tracking_objection,
)
from regulars.consent.rights import erase
from regulars.consent.subscription import subscriptions_of
from regulars.core import ids
from regulars.core.calendar import local_date
from regulars.ledger.recall import recall
from regulars.rules.model import Rulebook
from regulars.web.recipient.link_request import LinkRequest, form_value
from regulars.web.recipient.page_words import choose_words
from regulars.web.recipient.topics import label, topics

OWN_NAMES: Mapping[str, str] = {
    "en": "English", "uk": "Українська", "ru": "Русский", "ro": "Română", "et": "Eesti",
}  # fmt: skip
GAPS = (7, 30)
WEEKS = (2, 4, 8, 12)
_EARLIEST = date(1900, 1, 1)


def show(link: LinkRequest, *, wrong: str | None = None, status: int = 200) -> Response:
    """The page with the current preferences."""
    if link.owner.erased:
        return link.message("erased")
    now = preferences_of(link.connection, link.owner.customer)
    words = subscriptions_of(link.connection, link.owner.customer)
    offered = topics(link.book)
    paused = now.paused_until is not None and now.paused_until > link.now
    return link.page(
        "preferences.html",
        status=status,
        saved="saved" in link.request.query_params and wrong is None,
        wrong=wrong,
        data=_data(link),
        topics=[(t, label(link.book, t, link.t), words.receives(t, opt_in=link.opt_in)) for t in offered],
        gaps=GAPS,
        gap=now.gap_days,
        weeks=WEEKS,
        resting=_day(link, now.paused_until) if paused and now.paused_until else None,
        languages=_languages(now.locale),
        language=_language(now.locale),
        birthday=now.birthday.isoformat() if now.birthday else "",
        today=_today(link).isoformat(),
        measures=link.book.policy.tracking.any,
        measured=not objectors(link.connection, [link.owner.customer]),
    )


def act(link: LinkRequest, form: FormData) -> Response:
    """Saves the preferences; or erases the person, after they have typed their address."""
    if link.owner.erased:
        return link.message("erased")
    what = form_value(form, "act")
    if what == "erase":
        return _erase(link, form)
    if what == "data" and data_offered(link.book):
        request_data(link.connection, link.owner, link.now)
        return link.redirect_to_self("?asked=1")
    if what != "save":
        return link.message("unclear", status=400)
    try:
        asked = _changes(link, form)
    except ValueError:
        return show(link, wrong="birthday", status=400)
    wanted = {value for value in form.getlist("topic") if isinstance(value, str)}
    offered = topics(link.book)
    chosen = choose_topics(
        link.connection, link.owner, offered, wanted & set(offered), link.now, link.t("prefs_topics"),
        opt_in=link.opt_in,
    )  # fmt: skip
    changed = save_changes(link.connection, link.owner, asked, link.now)
    if _save_tracking_choice(link, form) or changed or chosen:
        recall(link.connection, link.owner.customer)
    return link.redirect_to_self("?saved=1")


def data_offered(book: Rulebook) -> bool:
    """Whether there is a campaign for data requests."""
    return any(c.on == REQUESTED and c.enabled and c.to == "customer" for c in book.campaigns.values())


def _data(link: LinkRequest) -> str:
    """The content under "your data": the button, a confirmation, or whom to ask."""
    if not data_offered(link.book):
        return "reply"
    return "asked" if data_requested(link.connection, link.owner, link.now) else "button"


def _changes(link: LinkRequest, form: FormData) -> Changes:
    now = preferences_of(link.connection, link.owner.customer)
    language = form_value(form, "language")
    return Changes(
        locale=language if language in OWN_NAMES and language != _language(now.locale) else None,
        birthday=_birthday(link, form_value(form, "birthday")),
        gap_days=_one_of(GAPS, form_value(form, "gap")),
        weeks=_one_of((0, *WEEKS), form_value(form, "weeks")),
    )


def _save_tracking_choice(link: LinkRequest, form: FormData) -> bool:
    """Saves whether clicks may be counted, if the page has that choice; returns whether it changed."""
    if form_value(form, "offered") != "tracking":
        return False
    allowed, words = form_value(form, "measured") == "yes", link.t("prefs_tracking_yes")
    return set_tracking_objection(link.connection, link.owner, allowed=allowed, at=link.now, wording=words)


def _one_of(numbers: Sequence[int], text: str | None) -> int | None:
    return next((number for number in numbers if str(number) == text), None)


def _birthday(link: LinkRequest, text: str | None) -> date | None:
    """The date typed; raises ValueError for one that cannot be a living person's birthday."""
    if text is None:
        return None
    found = date.fromisoformat(text)
    if not _EARLIEST <= found <= _today(link):
        raise ValueError(text)
    return found


def _erase(link: LinkRequest, form: FormData) -> Response:
    now = preferences_of(link.connection, link.owner.customer)
    typed = ids.address_hash(form_value(form, "email") or "", link.site.address_secret)
    if typed != now.email_hash:
        return show(link, wrong="email", status=400)
    erase(link.connection, link.owner.customer, link.now)
    return link.message("erased")


def _language(locale: str | None) -> str:
    """The client's language among those offered, or empty."""
    found = choose_words(locale).language
    return found if locale and locale.lower().startswith(found) else ""


def _languages(locale: str | None) -> list[tuple[str, str]]:
    """The offered languages; a client with another language can keep it."""
    return ([] if _language(locale) else [("", locale or "–")]) + list(OWN_NAMES.items())


def _day(link: LinkRequest, moment: datetime) -> str:
    there = local_date(moment, link.owner.timezone or link.company.timezone)
    return format_date(there, "long", locale=link.t.language)


def _today(link: LinkRequest) -> date:
    return local_date(link.now, link.owner.timezone or link.company.timezone)
