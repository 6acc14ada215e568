"""The copy of a client's email for the manager: the same text, without links that act for the client.

It is a separate message, rendered without the client's links: their token opens every page of the client, so it is
never sent to anybody else. Links to our pages lead to a page that explains this; other links lead to their original
targets. Neither a click nor an open of the copy is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from regulars.consent.suppression import unwilling
from regulars.core.ids import address_hash
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.transport import Delivery
from regulars.dispatch.load import Job
from regulars.render import mime
from regulars.render.compile import CompiledEmail
from regulars.render.link_tracking import LinkRules, LinkTracking
from regulars.render.message import render
from regulars.rules.model import Kind

PATH = "copy"
"""The first path segment of the page to which our links lead in a copy."""


def is_copied(job: Job) -> bool:
    """Whether the manager gets a copy of the client's email."""
    return job.copied and "manager" in job.campaign.cc and job.manager is not None and job.campaign.to != "manager"


def withhold_copies(connection: Connection, jobs: Iterable[Job], secret: bytes) -> None:
    """Leaves out copies of marketing for managers whose mailbox has refused it, as a client's or on a list.

    `secret` is that of address hashes. Without copies in the batch there is no query.
    """
    copies = [
        (job, address_hash(job.manager["email"], secret), job.campaign.topic)
        for job in jobs
        if job.manager is not None and is_copied(job) and job.campaign.kind is Kind.MARKETING
    ]
    if not copies:
        return
    refused = unwilling(connection, {mailbox for _, mailbox, _ in copies}, {topic for _, _, topic in copies})
    for job, mailbox, topic in copies:
        job.copied = (mailbox, topic) not in refused


def copy_for_manager(
    letter: mime.Letter,
    email: CompiledEmail,
    values: Mapping[str, Any],
    original: Parcel,
    web_url: str,
    *,
    traced: bool,
) -> Parcel:
    """The copy of `letter`, which is sent as `original` and has the manager as `Cc`; raises RenderFailed like it.

    `traced` says that the email is compiled so that its links can be counted.
    """
    links = {name: url and f"{web_url}/{PATH}/{name}" for name, url in values["links"].items()}
    rendered = render(email, {**values, "links": links}, LinkTracking(_plain(web_url)) if traced else None)
    copied = replace(
        letter,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        lined=rendered.lined,
        message_id=f"<{PATH}.{letter.message_id[1:]}",  # another message: what bounces is not the client's
        unsubscribe_url=None,
        unsubscribe_mailto=None,
        list_id=None,
        headers=(),  # the token of the return path
    )
    utf8 = copied.needs_smtputf8
    to = tuple(box.wire for box in letter.cc)
    return Parcel(original.key, original.sender, to, mime.assemble(copied), utf8, plain=not utf8)


@lru_cache(maxsize=16)
def _plain(web_url: str) -> LinkRules:
    """No link is counted or carries tags."""
    return LinkRules(f"{web_url}/")


def with_copies(delivery: Delivery, copies: Sequence[Parcel], second: Delivery) -> Delivery:
    """The outcome of a chunk and of the copies sent after it.

    A refused copy is named in the text of the email's own result, and is not retried.
    """
    lost = {
        result.key: f"not taken for {parcel.recipients[0]} ({f'{result.code} ' if result.code else ''}{result.text})"
        for parcel, result in zip(copies, second.results, strict=True)
        if result.outcome is not Outcome.ACCEPTED
    }
    results = [
        Result(one.key, one.outcome, one.code, f"{one.text}; {lost[one.key]}") if one.key in lost else one
        for one in delivery.results
    ]
    return Delivery(results, delivery.outage or second.outage)
