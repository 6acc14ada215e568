"""Branches of templates that no sample takes, so that nobody has ever seen them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from regulars.core.diagnostics import Span
from regulars.core.errors import RegularsError
from regulars.core.settings import Settings
from regulars.preview.lint.finding import Finding, Level
from regulars.preview.preview import sampled_values
from regulars.render.branches import branches
from regulars.workspace.folder import Workspace


def unseen_branches(workspace: Workspace, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Of the workspace's own files; those of the starter are nobody's mistake."""
    own = workspace.root / "templates" / "emails"
    if not own.is_dir():
        return
    seen: dict[Span, bool] = {}
    done: set[tuple[str, str, str | None, str]] = set()
    for campaign in workspace.rulebook.campaigns.values():
        for form in campaign.forms:
            for step in form.all_steps:
                for locale in workspace.templates.languages(step.email):
                    place = (campaign.name, step.email, form.variant, locale)
                    if place in done:
                        continue
                    done.add(place)
                    try:
                        values = sampled_values(workspace, form, step, now, locale, settings)
                        found = branches(workspace.templates.compiled(step.email, locale), values)
                    except RegularsError:
                        continue  # reported by the look at the email itself
                    for span, taken in found.items():
                        seen[span] = seen.get(span, False) or taken
    for span in sorted(
        (one for one, taken in seen.items() if not taken), key=lambda one: (one.path, one.line, one.column)
    ):
        if (workspace.root / span.path).is_file():
            advice = "give a sample the data for it, or look at it with `preview --customer`"
            yield Finding(
                "branch", f"{span.path}:{span.line}:{span.column}", "no sample takes this branch", advice, Level.HINT
            )
