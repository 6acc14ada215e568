"""Link tracking of one email: according to the rules, and not at all for a client who objects."""

from __future__ import annotations

from functools import lru_cache

from regulars.dispatch.load import Job
from regulars.render.link_tracking import LinkRules, LinkTracking
from regulars.rules.model import Rulebook
from regulars.rules.tracking import Utm

CLICK, OPEN = "c", "o"
"""The first path segment of a tracked link, and of the tracking pixel."""


def link_tracking(job: Job, rulebook: Rulebook, web_url: str, mark: str) -> LinkTracking:
    """The link tracking of a `measured` job; `mark` is the token of its links."""
    asked = rulebook.policy.tracking
    return LinkTracking(
        _ways(web_url, rulebook.company.website, *_tag_values(asked.utm, job.campaign.name)),
        f"{web_url}/{CLICK}/{mark}/" if asked.clicks else None,
        f"{web_url}/{OPEN}/{mark}" if asked.opens else None,
    )


@lru_cache(maxsize=256)
def _ways(web_url: str, website: str | None, *tags: str) -> LinkRules:
    """Cached from message to message, with the addresses it has seen."""
    return LinkRules(
        f"{web_url}/", website, dict(zip(("utm_source", "utm_medium", "utm_campaign"), tags, strict=False))
    )


def _tag_values(utm: Utm | None, campaign: str) -> tuple[str, ...]:
    return (utm.source, utm.medium, utm.campaign or campaign) if utm else ()
