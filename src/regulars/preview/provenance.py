"""What a client received: the copy that is kept, or the email made again from the version and the data of then.

Of emails that link to their page in the browser the ledger keeps the HTML as it was sent. Everything else is rendered
again by the version of the rules that was in force, with the values kept in the ledger. Where the template of that
version has another digest than the one in the ledger, it says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Engine

from regulars.consent.signups import REQUESTED
from regulars.core.email_names import email_folder
from regulars.core.errors import Invalid, NotFound, RegularsError
from regulars.core.settings import Settings
from regulars.db import engine as db
from regulars.dispatch.compose import company_mailbox, full_name, manager_as_sender
from regulars.dispatch.template_context import LINKS, SIGNUP_LINKS, VARIANT, VISIT_LINKS, advertises, links, token
from regulars.ledger.sent_copies import copy_html
from regulars.ledger.sent_promise import SentPromise, sent_promise
from regulars.operation import applied_versions
from regulars.operation.applied_versions import Applied
from regulars.operation.stored_version import StoredVersion
from regulars.render import mime
from regulars.render.mailbox import Mailbox
from regulars.render.message import Rendered, render
from regulars.rules.model import Campaign, Step
from regulars.workspace.folder import Workspace
from regulars.workspace.normal_form import PartChange, changes

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?")
_TEXTS = frozenset({"external_id", "code", "sku", "phone", "id", "name", "first_name", "last_name"})
"""Fields that are text, even where all of it is digits."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """One email that was sent. `notes` say what is exact and what is made again."""

    sent: SentPromise
    version: Applied
    email: str
    variant: str | None
    to: str
    subject: str
    html: str
    text: str
    eml: bytes
    exact_html: bool
    """Whether `html` is the copy of what was sent."""
    same_template: bool
    """Whether the template of the version has the digest that the ledger has."""
    notes: Sequence[str]
    since: Sequence[PartChange]
    """What has changed since: the campaign, the email, and the sections of the rule files."""

    def to_json(self) -> dict[str, Any]:
        """The published shape of `show --json`; keys are only ever added."""
        sent = self.sent
        return {
            "promise": sent.id, "message_id": sent.message_id, "campaign": sent.campaign, "step": sent.step,
            "customer": sent.customer, "state": sent.state, "at": sent.settled_at.isoformat(), "email": self.email,
            "variant": self.variant,
            "to": self.to, "subject": self.subject, "html": self.html, "text": self.text, "rule": sent.rule,
            "template": sent.template, "version": self.version.to_json(), "exact_html": self.exact_html,
            "same_template": self.same_template, "notes": list(self.notes),
            "since": [part.to_json() for part in self.since],
        }  # fmt: skip


def provenance(engine: Engine, name: str, settings: Settings) -> Provenance:
    """What was sent by this promise number or Message-ID.

    Raises NotFound for an unknown one, and RegularsError where nothing was sent, the data were erased, or no version of
    the rules of that time is kept.
    """
    with db.read(engine) as connection:
        sent = sent_promise(connection, name)
        if sent.data is None:
            raise RegularsError(f"the data of promise {sent.id} were erased: what the client received is not kept")
        versions = applied_versions.at(connection, sent.settled_at)
        copy = copy_html(connection, sent.id, token(sent.id, settings.secret))
    with ExitStack() as opened:
        then = [found for one in versions if (found := _opened(engine, one, sent, opened)) is not None]
        if not then:
            raise RegularsError(f"no version of the rules of {sent.settled_at:%Y-%m-%d} is kept that has this email")
        chosen = next((one for one in then if one.digest == sent.template), then[0])
        made = _Email(sent, chosen, settings)
        now = _in_force(engine, opened)
        since = [] if now is None else _since(chosen, now)
        return made.provenance(copy, since)


@dataclass(frozen=True, slots=True)
class _Then:
    """A version of the time, with the campaign and step of the email, and the digest of its template."""

    applied: Applied
    workspace: Workspace
    campaign: Campaign
    step: Step
    values: Mapping[str, Any]
    locale: str | None
    digest: str


def _opened(engine: Engine, applied: Applied, sent: SentPromise, opened: ExitStack) -> _Then | None:
    """None where the version is not sound for this release, or has no such step."""
    stored = StoredVersion()
    opened.callback(stored.close)
    try:
        workspace = stored.open(engine, applied)
    except Invalid:
        return None
    book = workspace.rulebook
    by_rule = (one for one in book.campaigns.values() if book.digest(one) == sent.rule)
    campaign = next(by_rule, book.campaigns.get(sent.campaign) or book.campaigns.get(sent.key))
    values = _typed(orjson.loads(sent.data or "{}"))
    campaign = None if campaign is None else campaign.for_arm(values.pop(VARIANT, None), sent.step)
    step = next((one for one in campaign.all_steps if one.key == sent.step), None) if campaign is not None else None
    if campaign is None or step is None:
        return None
    reader = values["manager"] if campaign.to == "manager" else values["customer"]
    try:
        digest = workspace.templates.compiled(step.email, reader.get("locale")).digest
    except (Invalid, NotFound):
        return None
    return _Then(applied, workspace, campaign, step, values, reader.get("locale"), digest)


def _in_force(engine: Engine, opened: ExitStack) -> Workspace | None:
    applied = applied_versions.current(engine)
    stored = StoredVersion()
    opened.callback(stored.close)
    try:
        return None if applied is None else stored.open(engine, applied)
    except Invalid:
        return None


def _since(then: _Then, now: Workspace) -> list[PartChange]:
    about = {("campaign", then.campaign.name), ("email", email_folder(then.step.email)), ("email", "_base")}
    return [
        part
        for part in changes(then.workspace, now)
        if part.kind == "section" or (part.kind, part.name) in about or part.was == then.campaign.name
    ]


class _Email:
    """The email rendered again."""

    def __init__(self, sent: SentPromise, then: _Then, settings: Settings) -> None:
        self._sent, self._then, self._settings = sent, then, settings
        compiled = then.workspace.templates.compiled(then.step.email, then.locale)
        company = then.workspace.rulebook.company.template_values(compiled.locale)
        self._values = {**then.values, "company": company, "links": self._links()}
        self._rendered = render(compiled, self._values)

    def provenance(self, copy: str | None, since: Sequence[PartChange]) -> Provenance:
        letter = self._letter(self._rendered, copy)
        same = self._then.digest == self._sent.template
        html = self._rendered.html if copy is None else copy
        return Provenance(
            self._sent, self._then.applied, self._then.step.email, self._then.campaign.variant, letter.to.wire,
            letter.subject, html, letter.text, mime.assemble(letter), copy is not None, same,
            tuple(self._notes(copy is not None, same)), since,
        )  # fmt: skip

    def _notes(self, exact: bool, same: bool) -> list[str]:
        kept = "the HTML is the copy kept of what was sent; subject and text are made again"
        made = "no copy is kept of this email: it is made again"
        notes = [f"{kept if exact else made} from version {self._then.applied.number} and the data kept in the ledger"]
        if not same:
            notes.append("the template of that version differs from the one it was sent with, so the words may differ")
        if self._then.step.attach is not None:
            notes.append("its attachment is not made again")
        return notes

    def _links(self) -> dict[str, str | None]:
        campaign = self._then.campaign
        paths = dict(LINKS)
        if self._then.values.get("visit"):
            paths |= VISIT_LINKS
        elif campaign.on == REQUESTED:
            paths |= SIGNUP_LINKS
        found: dict[str, str | None] = dict.fromkeys({**LINKS, **VISIT_LINKS, **SIGNUP_LINKS})
        found |= links(self._sent.id, self._settings.web_url, self._settings.secret, paths)
        return found if advertises(campaign) else {**found, "unsubscribe": None, "preferences": None}

    def _letter(self, rendered: Rendered, copy: str | None) -> mime.Letter:
        company, campaign, values = self._then.workspace.rulebook.company, self._then.campaign, self._values
        manager, reader = values.get("manager"), values["manager" if campaign.to == "manager" else "customer"]
        sender, reply_to = company_mailbox(company.sender, company.name, values["company"]["name"]), company.reply_to
        if campaign.signed(self._then.step) == "manager" and manager is not None:
            sender, reply_to = manager_as_sender(sender, manager)
        leave = values["links"]["unsubscribe"]
        return mime.Letter(
            sender=sender,
            to=Mailbox(reader.get("name") or full_name(reader), reader["email"]),
            reply_to=company_mailbox(reply_to) if reply_to else None,
            subject=rendered.subject,
            html=rendered.html if copy is None else copy,
            text=rendered.text,
            message_id=self._sent.message_id,
            date=self._sent.settled_at,
            unsubscribe_url=leave,
            list_id=f"{campaign.name}.{sender.address.rpartition('@')[2]}" if leave else None,
        )


def _typed(value: Any) -> Any:
    """Days, instants and amounts, which JSON has as text, as what they were; as text they read the same."""
    if isinstance(value, dict):
        return {key: one if key in _TEXTS else _typed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_typed(one) for one in value]
    if isinstance(value, str):
        if _NUMBER.fullmatch(value):
            return Decimal(value)
        try:
            if _DAY.fullmatch(value):
                return date.fromisoformat(value)
            if _INSTANT.fullmatch(value):
                return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value
