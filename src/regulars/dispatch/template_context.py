"""The template variables: plain values of one client, in the shape that docs/templates.md describes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from regulars.consent.signups import REQUESTED
from regulars.core import signing
from regulars.core.calendar import local_date
from regulars.core.ids import digest
from regulars.dispatch.load import Job, declared
from regulars.profile.visits import Visit
from regulars.render.calendar_file import Appointment
from regulars.render.mailbox import Mailbox
from regulars.rules.model import Campaign, Company, Kind, Rulebook

LINKS = {"unsubscribe": "u", "preferences": "p", "view": "v", "survey": "s", "book": "b", "data": "d"}
"""Pages that emails link to, and their first path segment."""
VISIT_LINKS = {"confirm": "y", "move": "m", "cancel": "x", "calendar": "i"}
"""Pages of a visit, and its calendar file."""
SIGNUP_LINKS = {"subscribe": "j"}
"""The page that confirms a sign-up."""
VARIANT = "variant"
"""The key of the stored values that says in which variant the email was sent."""
_OCCASIONAL = {**VISIT_LINKS, **SIGNUP_LINKS}
_NO_OCCASION = dict.fromkeys(_OCCASIONAL)
_NO_LEAVING = {"unsubscribe": None, "preferences": None}


def template_values(
    job: Job, rulebook: Rulebook, now: datetime, web_url: str, secret: bytes, language: str
) -> dict[str, Any]:  # fmt: skip
    """The values of one message in a language; unknown ones are none."""
    fields = rulebook.events.get(job.campaign.on or "", {})
    today = local_date(now, job.customer["timezone"] or rulebook.company.timezone)
    return {
        "customer": job.customer,
        "manager": job.manager,
        "company": rulebook.company.template_values(language),
        "event": declared(job.event, fields),
        "purchase": job.purchase,
        "product": job.product,
        "holiday": _holiday(job, rulebook, today),
        "coupon": job.coupon,
        "links": _links(job, web_url, secret),
        "today": today,
        "campaign": job.campaign.name,
        **_visit(job, rulebook.company),
        **({} if job.answers is None else {"answers": dict(job.answers)}),
    }


def _links(job: Job, web_url: str, secret: bytes) -> dict[str, str | None]:
    """The links of the email; none for those that do not apply. Few emails are about a visit or a sign-up."""
    paths = LINKS
    if job.visit is not None:
        paths = {**LINKS, **VISIT_LINKS}
    elif job.campaign.on == REQUESTED:
        paths = {**LINKS, **SIGNUP_LINKS}
    found: dict[str, str | None] = {**_NO_OCCASION, **links(job.id, web_url, secret, paths)}
    return found if advertises(job.campaign) else {**found, **_NO_LEAVING}


def _holiday(job: Job, rulebook: Rulebook, today: date) -> dict[str, Any] | None:
    """The calendar day of the email, for the client's country."""
    kept_day = rulebook.calendar_day(job.campaign)
    if kept_day is None:
        return None
    country = kept_day.country(job.customer["country"])
    year = int(job.occurrence) if job.occurrence.isdecimal() else today.year
    stored_values = kept_day.days.get(country)
    day = kept_day.on(country, year, rulebook.policy.leap_day)
    return {"name": kept_day.name, "day": None if stored_values is None else stored_values.text, "date": day}


def _visit(job: Job, of: Company) -> dict[str, Any]:
    """The visit of the email; its times are local to the place, wherever the client lives."""
    visit = job.visit
    if visit is None:
        return {"visit": None}
    shown = {
        "service": visit.service, "place": visit.place, "starts_at": visit.starts_at, "ends_at": visit.ends_at,
        "confirmed": visit.confirmed, "cancelled": visit.cancelled_by is not None, "move_requested": bool(visit.wish),
        "wish": {"wanted_at": None, "note": None, **visit.wish} if visit.wish else None,
    }  # fmt: skip
    return {"visit": shown, "timezone": of.timezone}


def appointment(visit: Visit, rulebook: Rulebook, uid: str, company: str) -> Appointment | None:
    """The visit as a calendar entry; None if its time is unknown.

    `uid` is the client's, `company` our name in the client's language.
    """
    if visit.starts_at is None:
        return None
    sender = Mailbox.parse(rulebook.company.sender)
    name = digest([uid, visit.id])
    summary = f"{visit.service}, {company}" if visit.service else company
    return Appointment(
        f"visit-{name}@{sender.address.rpartition('@')[2]}", visit.sequence + bool(visit.cancelled_by),
        visit.booked_at, visit.starts_at, visit.minutes, rulebook.company.timezone, summary, visit.place, sender,
        visit.cancelled_by is not None,
    )  # fmt: skip


def advertises(campaign: Campaign) -> bool:
    """Whether the email is marketing to a client, with an unsubscribe link; a service email has none."""
    return campaign.kind is Kind.MARKETING and campaign.to == "customer"


def token(promise: int, secret: bytes) -> str:
    """The token of the promise in its links."""
    return signing.sign("promise", str(promise), secret)


def links(promise: int, web_url: str, secret: bytes, paths: Mapping[str, str] | None = None) -> dict[str, str]:
    """Signed links of one promise, to these paths or to all."""
    mark = token(promise, secret)
    found = {name: f"{web_url}/{path}/{mark}" for name, path in (paths or {**LINKS, **_OCCASIONAL}).items()}
    if "calendar" in found:
        found["calendar"] += ".ics"
    return found


def stored_values(values: Mapping[str, Any], variant: str | None = None) -> str:
    """The values as JSON, for the ledger: what the email was rendered with. Links are secrets and are left out."""
    worth = {k: v for k, v in values.items() if k not in ("company", "links")}
    if variant is not None:
        worth[VARIANT] = variant
    return orjson.dumps(worth, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, (Decimal, date)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an email's data")
