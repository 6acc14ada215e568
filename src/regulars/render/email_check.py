"""Checks the emails that campaigns use: a diagnostic with file, line and column for every fault.

Codes: T001 no such email · T002 not Jinja · T003 unknown name · T004 unknown field · T005 word missing · T006 word
unused · T007 unknown filter · T008 no subject · T009 language missing · T010 MJML · T011 picture without words ·
T012 no way to unsubscribe · T013 link · T014 too big · T015 file unreadable · T016 sample · T017 may be missing ·
T018 brought along by MJML · T019 not encoded · T020 loaded from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from regulars.core.diagnostics import Diagnostic, Severity, Span, did_you_mean, in_order
from regulars.core.email_names import email_folder
from regulars.core.errors import Invalid, NotFound
from regulars.render import scope
from regulars.render.address_check import check_addresses
from regulars.render.compile import Templates, finish
from regulars.render.draft import Draft, draft
from regulars.render.message import RenderFailed, render
from regulars.render.question_calls import QUESTIONS
from regulars.render.template_files import Library, included
from regulars.render.template_pieces import Kind, Piece
from regulars.rules.company import TEMPLATE_FIELDS

PRODUCT = frozenset("sku name category price currency url image_url".split())
FIELDS: dict[str, frozenset[str]] = {
    "manager": frozenset("external_id name email title phone".split()),
    "company": frozenset(TEMPLATE_FIELDS),
    "purchase": frozenset("at amount currency products".split()),
    "product": PRODUCT,
    "holiday": frozenset("name day date".split()),
    "coupon": frozenset("code percent amount service gift valid_from valid_until uses".split()),
    "links": frozenset("unsubscribe preferences view survey book data confirm move cancel calendar subscribe".split()),
    "visit": frozenset("service place starts_at ends_at confirmed cancelled move_requested wish".split()),
}
NAMES = frozenset({*FIELDS, "customer", "event", "today"})
FUNCTIONS = frozenset({"years_since", *QUESTIONS})
_OFTEN_MISSING = frozenset("name first_name last_name company phone birthday".split())
_WORD = re.compile(r"\bt\s*\.\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Usage:
    """An email as one campaign uses it; `span` is where the campaign names it."""

    email: str
    campaign: str
    span: Span | None
    customer_fields: Collection[str]
    event: str | None = None
    event_fields: Collection[str] | None = None
    """None: the event's fields are not declared, so they are not checked."""
    product: bool = False
    """Whether a new product triggers the campaign."""
    holiday: bool = False
    """Whether a calendar day triggers the campaign."""
    has_coupon: bool = False
    marketing: bool = True


def by_email(usages: Iterable[Usage]) -> dict[str, list[Usage]]:
    """The uses of each email."""
    found: dict[str, list[Usage]] = {}
    for usage in usages:
        found.setdefault(usage.email, []).append(usage)
    return found


def check_email(templates: Templates, usages: Sequence[Usage], own_hosts: Collection[str] = ()) -> list[Diagnostic]:
    """The diagnostics of one email, each once; `usages` are all uses of it.

    Pictures from hosts other than `own_hosts` and their subdomains give a warning.
    """
    found: list[Diagnostic] = []
    drafts = list(_drafts(templates, usages[0], found))
    for usage in usages:
        for read in drafts:
            if not read.faults:
                found.extend(_names(read, usage))
        found.extend(_unsubscribe(usage, drafts))
    for read in drafts:
        found.extend(_draft(templates, read, own_hosts))
    return in_order(dict.fromkeys(found))


def check_languages(templates: Templates, emails: Iterable[str]) -> Iterator[Diagnostic]:
    """A warning for each email that lacks languages which other emails have."""
    languages_of = {}
    for email in dict.fromkeys(map(email_folder, emails)):
        with suppress(NotFound, Invalid):  # `check_email` reports these
            templates.language(email, None)
            languages_of[email] = set(templates.languages(email))
    everywhere = set().union(*languages_of.values())
    for email, languages in languages_of.items():
        lacking = sorted(everywhere - languages)
        if lacking:
            span = Span(templates.library.body(email).path, 1, 1)
            message = f"`{email}` has no words in {', '.join(f'`{x}`' for x in lacking)}, which other emails have"
            hint = f"clients who read these get it in `{templates.language(email, None)}`"
            yield Diagnostic("T009", message, span, hint=hint, severity=Severity.WARNING)


def _drafts(templates: Templates, usage: Usage, found: list[Diagnostic]) -> Iterator[Draft]:
    try:
        languages = templates.languages(usage.email)
        templates.language(usage.email, None)
    except NotFound:
        name = email_folder(usage.email)
        hint = did_you_mean(name, templates.names())
        found.append(Diagnostic("T001", f"there is no email `{name}`", usage.span, hint=hint))
        return
    except Invalid as error:
        found.extend(error.diagnostics)
        return
    for language in languages:
        try:
            read = draft(templates.library, usage.email, language, templates.company_locale)
        except Invalid as error:
            found.extend(error.diagnostics)
            continue
        found.extend(read.faults)
        yield read


def _names(read: Draft, usage: Usage) -> Iterator[Diagnostic]:
    for part in (read.html, read.subject, read.preheader, read.own_text or []):
        for use in scope.uses(part):
            fault = _name(use, usage) or _missing(use)
            if fault:
                yield fault


def _name(use: scope.Use, usage: Usage) -> Diagnostic | None:
    root = use.path[0]
    if root == "t":
        hint = "put the logic into the word"
        return Diagnostic("T005", "a word stands by itself", use.span, expected="`{{ t.heading }}`", hint=hint)
    if root in FUNCTIONS:
        return None
    if root not in NAMES:
        hint = did_you_mean(root, NAMES | FUNCTIONS) or f"known: {', '.join(sorted(NAMES))}"
        return Diagnostic("T003", f"there is nothing called `{root}`", use.span, hint=hint)
    if len(use.path) == 1:
        return None
    if root == "coupon" and not usage.has_coupon and not use.guarded:
        hint = f"give `{usage.campaign}` an `offer: {{coupon: …}}`"
        return Diagnostic("T004", f"`{usage.campaign}` offers no coupon", use.span, hint=hint)
    given = {
        "product": (usage.product, "is not set off by a product"),
        "holiday": (usage.holiday, "keeps no day of the calendar"),
        "event": (usage.event is not None, "is not set off by an event"),
    }
    if root in given and not given[root][0] and not use.guarded:
        return Diagnostic("T004", f"`{usage.campaign}` {given[root][1]}", use.span)
    return _field(use, usage)


def _field(use: scope.Use, usage: Usage) -> Diagnostic | None:
    root, name = use.path[:2]
    known: Collection[str] | None = FIELDS.get(root)
    if root == "customer":
        known = usage.customer_fields
    elif root == "event":
        known = None if usage.event_fields is None or usage.event is None else {*usage.event_fields, "at"}
    if known is not None and name not in known and not use.guarded:
        hint = did_you_mean(name, known) or f"known: {', '.join(sorted(known))}"
        return Diagnostic("T004", f"`{root}` has no `{name}`", use.span, hint=hint)
    if use.path[:2] == ("customer", "next_product") and len(use.path) > 2 and use.path[2] not in PRODUCT:
        return Diagnostic(
            "T004", f"a product has no `{use.path[2]}`", use.span, hint=did_you_mean(use.path[2], PRODUCT)
        )
    return None


def _missing(use: scope.Use) -> Diagnostic | None:
    if not use.printed or use.guarded or use.path[:1] != ("customer",) or len(use.path) != 2:
        return None
    if use.path[1] not in _OFTEN_MISSING:
        return None
    name = ".".join(use.path)
    return Diagnostic(
        "T017",
        f"`{name}` is not known of every client, and an email is not sent with a gap in it",
        use.span,
        hint=f"`{{% if {name} %}}…{{% endif %}}` or `{{{{ {name} or '…' }}}}`",
        severity=Severity.WARNING,
    )


def _draft(templates: Templates, read: Draft, own_hosts: Collection[str]) -> Iterator[Diagnostic]:
    yield from check_addresses(read, own_hosts)
    yield from _unused(templates.library, read)
    if not read.faults:
        yield from _sample(templates, read)


def _unused(library: Library, read: Draft) -> Iterator[Diagnostic]:
    own = {file.path for file in library.words_files(read.email, read.language)}
    override = library.find(read.email, "body.txt")
    files = [read.body, *included(library, read.body), *([override] if override else [])]
    used = {
        name
        for text in (*(f.text for f in files), *(w.text for w in read.words.values()))
        for name in _WORD.findall(text)
    }
    for name, word in read.words.items():
        if word.span.path in own and name not in ("subject", "preheader") and name not in used:
            yield Diagnostic("T006", f"the word `{name}` is not used", word.span, severity=Severity.WARNING)


def _sample(templates: Templates, read: Draft) -> Iterator[Diagnostic]:
    top = Span(read.body.path, 1, 1)
    try:
        rendered = render(finish(read), templates.sample(read.email))
    except RenderFailed as error:
        if error.exceeded:
            yield Diagnostic("T021", f"{error.message}", error.span or top)
            return
        hint = "sample.yaml holds the data for a preview without a client"
        yield Diagnostic(
            "T016", f"the sample fails at {error.where}: {error.message}", top, hint=hint, severity=Severity.WARNING
        )
        return
    except Invalid as error:
        yield from error.diagnostics
        return
    for warning in rendered.warnings:
        yield Diagnostic("T014", f"in `{read.language}` {warning}", top, severity=Severity.WARNING)


def _unsubscribe(usage: Usage, drafts: Sequence[Draft]) -> Iterator[Diagnostic]:
    for read in drafts if usage.marketing else ():
        if not any(_leads_out(p) for p in read.html):
            message = f"`{usage.campaign}` is marketing, and this email has no way to unsubscribe"
            hint = 'add `<mj-include path="_base/footer.mjml" />`'
            yield Diagnostic("T012", message, Span(read.body.path, 1, 1), hint=hint)


def _leads_out(piece: Piece) -> bool:
    return piece.kind is Kind.PRINT and "links.unsubscribe" in piece.text
