"""A workspace: `campaigns/` and `templates/emails/` under one root, loaded and checked as a whole.

A `Workspace` has no errors. Emails are looked up in the workspace first, then in the
starter, so a workspace contains only what it changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import babel

from regulars.audience.expression import Expression
from regulars.audience.rule_catalogue import catalogue_of
from regulars.audience.vocabulary import Catalogue
from regulars.core.diagnostics import Diagnostic, Severity, did_you_mean, in_order
from regulars.core.errors import Invalid
from regulars.core.paths import inside
from regulars.render.compile import Templates
from regulars.render.email_check import by_email, check_email, check_languages
from regulars.rules.loader import Loaded, load
from regulars.rules.model import Loc, Rulebook
from regulars.workspace import (
    check_cache,
    coupon_checks,
    email_questions,
    learned_fields,
    one_purchase,
    past_fields,
    segment_checks,
    variant_words,
)
from regulars.workspace.conditions import parsed
from regulars.workspace.email_usages import usages
from regulars.workspace.starter import starter


@dataclass(frozen=True)
class Workspace:
    """Valid rules, their compiled conditions by location, and the emails they send."""

    root: Path
    rulebook: Rulebook
    catalogue: Catalogue
    conditions: Mapping[Loc, Expression]
    templates: Templates


def open_workspace(root: Path, fallback: Path | None = None) -> Workspace:
    """The workspace under `root`; raises Invalid with all diagnostics and the texts of their files.

    Unchanged emails that were valid before are not compiled again. `fallback` is the folder of starter emails that a
    stored version was valid with, instead of this release's.
    """
    workspace, faults, sources = _examined(root, trusting=True, fallback=fallback)
    if workspace is None:
        raise Invalid([fault for fault in faults if fault.severity is Severity.ERROR], sources)
    return workspace


def check(root: Path) -> tuple[Workspace | None, list[Diagnostic], dict[str, str]]:
    """The workspace unless there is an error, all diagnostics, and the texts of all files by path."""
    return _examined(root, trusting=False)


def _examined(
    root: Path, *, trusting: bool, fallback: Path | None = None
) -> tuple[Workspace | None, list[Diagnostic], dict[str, str]]:
    away = _linked_away(root)
    if away:
        return None, away, {}
    loaded = load(root / "campaigns", Path.cwd())
    faults = list(loaded.diagnostics)
    draft = loaded.draft
    if draft is None or loaded.unread:  # an unreadable file may define these names: one fault is reported once
        return None, faults, loaded.sources
    faults += _locale(draft, loaded)
    catalogue = catalogue_of(draft)
    conditions = parsed(draft, catalogue, loaded, faults)
    folders = _folders(root, fallback)
    templates = Templates(folders, draft.company.locale)
    whole, sound = check_cache.workspace_key(loaded.sources, folders), check_cache.known(root)
    silent = f"{whole}-silent"  # nothing at all was found, not even a warning
    if not (trusting and whole in sound) and silent not in sound:
        used = by_email(usages(draft))
        closer = [
            *_email_faults(root, draft, templates, sound),
            *learned_fields.check(draft, conditions, templates, loaded),
            *coupon_checks.check(draft, templates),
            *variant_words.check(draft, templates),
            *past_fields.check(draft, conditions, loaded),
            *one_purchase.check(draft, conditions, loaded),
            *email_questions.check(templates, used, catalogue),
            *segment_checks.advice(draft, conditions, catalogue, email_questions.segments_in(templates, used), loaded),
        ]
        faults += closer
        check_cache.add(root, [] if closer else [silent])
    sources = {**loaded.sources, **templates.library.sources()}
    if any(fault.severity is Severity.ERROR for fault in faults):
        return None, in_order(faults), sources
    check_cache.add(root, [whole])
    return Workspace(root, draft, catalogue, conditions, templates), in_order(faults), sources


def _email_faults(root: Path, draft: Rulebook, templates: Templates, sound: Collection[str]) -> Iterator[Diagnostic]:
    """The faults of the emails in use. Those whose key is in `sound` had none, and are not compiled again."""
    uses = by_email(usages(draft))
    own_hosts = _own_hosts(draft)
    keys = check_cache.email_keys(templates.folders, uses, draft.company.locale, own_hosts)
    fresh = []
    seen: set[Diagnostic] = set()  # an email and its other words have most faults in common
    for email, its_uses in uses.items():
        if keys[email] not in sound:
            faults = check_email(templates, its_uses, own_hosts)
            fresh += [] if faults else [keys[email]]
            yield from (fault for fault in faults if fault not in seen)
            seen.update(faults)
    yield from check_languages(templates, uses)
    if fresh:
        check_cache.add(root, fresh)


def _folders(root: Path, fallback: Path | None) -> list[Path]:
    own, packaged = root / "templates" / "emails", fallback or starter() / "templates" / "emails"
    return [own] if own.resolve() == packaged.resolve() else [own, packaged]


def _linked_away(root: Path) -> list[Diagnostic]:
    """Folders of the workspace that are symbolic links to others."""
    return [
        Diagnostic("Y015", f"`{name}` is a link that leads out of the workspace, and is not followed")
        for name in ("campaigns", "templates/emails")
        if (root / name).exists() and not inside(root / name, root)
    ]


def _own_hosts(rulebook: Rulebook) -> frozenset[str]:
    """The company's hosts: its website and its sender domain."""
    company = rulebook.company
    website = company.website or ""
    try:
        host = urlsplit(website if "//" in website else f"//{website}").hostname or ""
    except ValueError:
        host = ""
    domain = company.sender.rpartition("@")[2].strip("<> ").lower()
    return frozenset(filter(None, (host.removeprefix("www."), domain)))


def _locale(rulebook: Rulebook, loaded: Loaded) -> list[Diagnostic]:
    """A warning if the company's language has no data for dates and money."""
    written = rulebook.company.locale
    try:
        babel.Locale.parse(written, sep="-" if "-" in written else "_")
    except (ValueError, babel.UnknownLocaleError):
        span = loaded.part(("company", "locale"), 0, len(written))
        known = [name.replace("_", "-") for name in babel.localedata.locale_identifiers()]
        message = f"`{written}` is not a language that is known"
        expected = "a language with or without a country, such as `ro` or `pt-BR`"
        return [Diagnostic("R018", message, span, expected=expected, hint=did_you_mean(written, known))]
    return []
