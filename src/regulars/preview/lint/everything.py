"""`lint`: every check over every campaign, variant, step and language of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from regulars.core.errors import RegularsError
from regulars.core.settings import Settings
from regulars.preview.lint.client_support import support
from regulars.preview.lint.finding import Finding
from regulars.preview.lint.rendered import look_at
from regulars.preview.lint.rule_findings import collisions, impossible_conditions
from regulars.preview.lint.unseen_branches import unseen_branches
from regulars.preview.lint.unused import emails_of, unused
from regulars.preview.preview import Preview, preview
from regulars.workspace.folder import Workspace


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found, and the links to elsewhere, each with the emails that have it."""

    findings: list[Finding]
    links: dict[str, list[str]]


def lint(
    workspace: Workspace, settings: Settings, now: datetime, progress: Callable[[int, int], None] = lambda *_: None
) -> Linted:
    """Looks at the files alone, with the samples' data; the database is for `rule_findings.counted_conditions`."""
    findings = [*impossible_conditions(workspace), *collisions(workspace), *unused(workspace)]
    links: dict[str, list[str]] = {}
    names, emails = sorted(workspace.rulebook.campaigns), list[tuple[str, str]]()
    for done, name in enumerate(names, 1):
        for one in _emails(workspace, settings, name, now, findings):
            found, elsewhere = look_at(one, settings.web_url)
            findings += found
            emails.append((f"{one.campaign}/{one.step}", one.html))
            for link in elsewhere:
                links.setdefault(link, []).append(f"{one.campaign}/{one.step}, {one.locale}")
        progress(done, len(names))
    findings += [*support(emails), *unseen_branches(workspace, settings, now)]
    return Linted(_once(findings), links)


def _emails(
    workspace: Workspace, settings: Settings, name: str, now: datetime, findings: list[Finding]
) -> Iterator[Preview]:
    rule = workspace.rulebook.campaigns[name]
    languages = {locale for email in emails_of(rule) for locale in workspace.templates.languages(email)}
    for locale in sorted(languages):
        try:
            yield from preview(
                None, workspace, name, customer=None, step=None, now=now, locale=locale, settings=settings
            )
        except RegularsError as error:
            findings.append(Finding("sample", f"{name}, {locale}", str(error), "mend the email or its sample.yaml"))


def _once(findings: list[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))
