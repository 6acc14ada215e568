"""How the links of one email are followed: as the rules say, and not at all for a client who objects."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from regulars.dispatch.load import Job
from regulars.render import Tags, Trail
from regulars.rules.model import Rulebook

CLICK, OPEN = "c", "o"
"""The first part of the path of a followed link, and of the picture that tells that the email was shown."""


def trail(job: Job, rulebook: Rulebook, web_url: str, mark: str) -> Trail:
    """The trail of a job that is `measured`; `mark` is the token of its links."""
    asked = rulebook.policy.tracking
    tags = None
    if asked.utm is not None and rulebook.company.website:
        utm = asked.utm
        tags = _tags(rulebook.company.website, utm.source, utm.medium, utm.campaign or job.campaign.name)
    return Trail(
        f"{web_url}/",
        f"{web_url}/{CLICK}/{mark}/" if asked.clicks else None,
        f"{web_url}/{OPEN}/{mark}" if asked.opens else None,
        tags,
    )


@lru_cache(maxsize=256)
def _tags(website: str, source: str, medium: str, campaign: str) -> Tags | None:
    """Kept from message to message, with the addresses it has seen."""
    host = urlsplit(website if "//" in website else f"//{website}").hostname
    values = {"utm_source": source, "utm_medium": medium, "utm_campaign": campaign}
    return Tags(host, values) if host else None
