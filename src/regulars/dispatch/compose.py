"""Composes an email from a job, for preview, test and sending alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from regulars.core import ids
from regulars.core.return_path import HEADER, ReturnPath, make_token
from regulars.delivery.parcel import Parcel
from regulars.dispatch.client_records import Record
from regulars.dispatch.link_policy import link_tracking
from regulars.dispatch.load import Job
from regulars.dispatch.manager_copy import copy_for_manager, is_copied
from regulars.dispatch.template_context import appointment, stored_values, template_values, token
from regulars.ledger.sent_copies import SentCopy
from regulars.render import mime
from regulars.render.calendar_file import attachment
from regulars.render.compile import Templates
from regulars.render.mailbox import Mailbox
from regulars.render.message import Rendered, render
from regulars.rules.model import Rulebook


class ComposeRules(Protocol):
    """Rules and templates together; a workspace is one."""

    @property
    def rulebook(self) -> Rulebook: ...

    @property
    def templates(self) -> Templates: ...


@dataclass(slots=True)
class Composed:
    """One message in all its forms."""

    parcel: Parcel
    rendered: Rendered
    letter: mime.Letter
    message_id: str
    data: str
    linked: bool
    """Whether the email links to its page in the browser."""
    targets: tuple[str, ...] = ()
    """The targets of the tracked links."""
    for_manager: Parcel | None = None
    """The copy for the manager, a message of its own."""


def compose(job: Job, rules: ComposeRules, now: datetime, web_url: str, secret: bytes) -> Composed:
    """The message of a job; raises RenderFailed, or ValueError for an invalid address."""
    rulebook = rules.rulebook
    recipient = job.manager if job.campaign.to == "manager" else job.customer
    assert recipient is not None
    email = rules.templates.compiled(job.step.email, recipient["locale"], traced=job.measured)
    values = template_values(job, rulebook, now, web_url, secret, email.locale)
    way = link_tracking(job, rulebook, web_url, values["links"]["view"].rpartition("/")[2]) if job.measured else None
    rendered = render(email, values, way)
    letter = address(job, rulebook, recipient, values, rendered, now)
    company, bounces = rulebook.company, rulebook.company.bounces
    sender = _returned_to(letter, job.id, bounces, secret) if bounces else company_mailbox(company.sender).wire
    utf8 = letter.needs_smtputf8
    parcel = Parcel(
        key=job.id,
        sender=sender,
        recipients=(letter.to.wire,),
        data=mime.assemble(letter),
        smtputf8=utf8,
        plain=not utf8,
    )
    linked = email.viewed and values["links"]["view"] in rendered.html
    targets = way.targets if way else ()
    made = Composed(parcel, rendered, letter, letter.message_id, stored_values(values, job.variant), linked, targets)
    if letter.cc:
        parcel = replace(parcel, sender=_return_path(bounces).base) if bounces else parcel
        made.for_manager = copy_for_manager(letter, email, values, parcel, web_url, traced=way is not None)
    return made


_return_path = lru_cache(maxsize=16)(ReturnPath.parse)


def _returned_to(letter: mime.Letter, promise: int, bounces: str, secret: bytes) -> str:
    """The envelope sender by which a bounce finds its promise; puts the token into the letter, too."""
    path, mark = _return_path(bounces), make_token(promise, letter.to.wire, secret)
    letter.headers = (*letter.headers, (HEADER, mark))
    if letter.unsubscribe_url:
        letter.unsubscribe_mailto = f"mailto:{path.unsubscribe(mark)}?subject=unsubscribe"
    return path.sender(mark)


def copy(made: Composed, secret: bytes) -> SentCopy:
    """The copy of the message for its page in the browser."""
    key = made.parcel.key
    return SentCopy(key, made.rendered.digest, made.rendered.html, token(key, secret), made.targets)


@lru_cache(maxsize=64)
def company_mailbox(sender: str, name: str = "", shown: str = "") -> Mailbox:
    """The company's mailbox, cached; a display name equal to the company's `name` becomes `shown`, its translation."""
    box = Mailbox.parse(sender)
    return replace(box, name=shown) if name and box.name == name else box


def address(
    job: Job, rulebook: Rulebook, recipient: Record, values: Mapping[str, Any], rendered: Rendered, now: datetime
) -> mime.Letter:
    """The letter with the rendered texts: sender, recipients, unsubscribe headers."""
    company, reply_to = rulebook.company, rulebook.company.reply_to
    sender = company_mailbox(company.sender, company.name, values["company"]["name"])
    domain = sender.address.rpartition("@")[2]
    if job.campaign.signed(job.step) == "manager" and job.manager is not None:
        sender, reply_to = manager_as_sender(sender, job.manager)
    copies = [job.manager] if job.manager is not None and is_copied(job) else []
    number = job.message_id or ids.message_id(ids.promise_key(job.key, job.step.key, job.uid, job.occurrence), domain)
    return mime.Letter(
        sender=sender,
        to=Mailbox(recipient["name"] or full_name(recipient), recipient["email"]),
        cc=tuple(Mailbox(m["name"], m["email"]) for m in copies),
        reply_to=company_mailbox(reply_to) if reply_to else None,
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        lined=rendered.lined,
        message_id=number,
        date=now,
        unsubscribe_url=values["links"]["unsubscribe"],
        list_id=f"{job.campaign.name}.{domain}" if values["links"]["unsubscribe"] else None,
        attachments=() if job.step.attach is None else _files(job, rulebook, values["company"]["name"]),
    )


def _files(job: Job, rulebook: Rulebook, company: str) -> tuple[mime.Attachment, ...]:
    """The visit's calendar file."""
    found = appointment(job.visit, rulebook, job.uid, company) if job.visit is not None else None
    return () if found is None else (attachment(found),)


def full_name(person: Record) -> str:
    """First and last name, if known."""
    return " ".join(part for part in (person.get("first_name"), person.get("last_name")) if part)


def manager_as_sender(company: Mailbox, manager: Record) -> tuple[Mailbox, str]:
    """The manager as sender: with their own address if it is in the company's domain, which is DKIM-signed."""
    own = str(manager["email"])
    same = own.rpartition("@")[2].lower() == company.address.rpartition("@")[2].lower()
    return Mailbox(str(manager["name"]), own if same else company.address), own
