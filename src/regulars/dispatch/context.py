"""What a template sees: plain values of one client, in the shape that docs/templates.md describes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from regulars.core import signing
from regulars.core.calendar import local_date
from regulars.dispatch.load import Job, declared
from regulars.rules.model import Campaign, Company, Kind, Rulebook

LINKS = {"unsubscribe": "u", "preferences": "p", "view": "v", "survey": "s", "book": "b", "data": "d"}
"""Pages that emails link to, and the first part of their path."""
_NO_LEAVING = {"unsubscribe": None, "preferences": None}


def context(job: Job, rulebook: Rulebook, now: datetime, web_url: str, secret: bytes) -> dict[str, Any]:
    """The values of one message; what is not known is none."""
    fields = rulebook.events.get(job.campaign.on or "", {})
    zone = job.customer["timezone"] or rulebook.company.timezone
    return {
        "customer": job.customer,
        "manager": job.manager,
        "company": company(rulebook.company),
        "event": declared(job.event, fields),
        "purchase": job.purchase,
        "coupon": job.coupon,
        "links": links(job.id, web_url, secret) | ({} if advertises(job.campaign) else _NO_LEAVING),
        "today": local_date(now, zone),
        "campaign": job.campaign.name,
    }


def advertises(campaign: Campaign) -> bool:
    """Whether the email is marketing to a client, who may then leave; a service that they asked for has no way out."""
    return campaign.kind is Kind.MARKETING and campaign.to == "customer"


def company(of: Company) -> Mapping[str, Any]:
    """The company as templates know it."""
    names = ("name", "address", "website", "phone", "logo", "color", "currency", "locale", "timezone")
    return {name: getattr(of, name) for name in names}


def token(promise: int, secret: bytes) -> str:
    """What stands for the promise in its links."""
    return signing.sign("promise", str(promise), secret)


def links(promise: int, web_url: str, secret: bytes) -> dict[str, str]:
    """Signed links of one promise: the token says which, and nobody can make one up."""
    mark = token(promise, secret)
    return {name: f"{web_url}/{path}/{mark}" for name, path in LINKS.items()}


def kept(values: Mapping[str, Any]) -> str:
    """The values as JSON, for the ledger: what the email was rendered with. Links are secrets and stay out."""
    worth = {k: v for k, v in values.items() if k not in ("company", "links")}
    return orjson.dumps(worth, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, (Decimal, date)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an email's data")
