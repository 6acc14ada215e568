"""A small sound workspace in a folder of the test: rules from a few words, one plain email for each name they use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

COMPANY = {
    "name": "Studio", "from": "Studio <hello@studio.example>", "address": "7 Flower Street", "timezone": "UTC",
}  # fmt: skip
EVENTS = {"visit.done": {"service": "text"}, "meeting.completed": {"place": "text"}}
_BODY = """\
<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ t.heading }}</mj-text>
<mj-text>@LINE@</mj-text>
<mj-text>{% if links.unsubscribe %}<a href="{{ links.unsubscribe }}">{{ t.leave }}</a>{% endif %}</mj-text>
<mj-text>{{ company.address }}</mj-text>
</mj-column></mj-section></mj-body></mjml>
"""
_WORDS = """\
subject: "@NAME@ for {{ customer.external_id }}"
preheader: A word from us
heading: Good day
leave: Leave
"""


def write_workspace(
    root: Path,
    campaigns: Mapping[str, Mapping[str, Any]],
    *,
    policy: Mapping[str, Any] | None = None,
    company: Mapping[str, Any] | None = None,
    lines: Mapping[str, str] | None = None,
) -> Path:
    """Writes the workspace and returns its root. `lines` gives the one line of an email's body, in Jinja."""
    (root / "campaigns").mkdir(parents=True, exist_ok=True)
    write_company(root, policy, company)
    write_campaigns(root, campaigns)
    for name in sorted(_emails(campaigns)):
        write_email(root, name, (lines or {}).get(name, "We thought of you."))
    return root


def write_company(
    root: Path, policy: Mapping[str, Any] | None = None, company: Mapping[str, Any] | None = None
) -> None:
    """`company.yaml`: who sends, and what holds for every campaign."""
    parts = {"company": {**COMPANY, **(company or {})}, "policy": dict(policy or {}), "events": EVENTS}
    _yaml(root / "campaigns" / "company.yaml", {name: part for name, part in parts.items() if part})


def write_campaigns(root: Path, campaigns: Mapping[str, Mapping[str, Any]], name: str = "campaigns") -> None:
    """A file of campaigns."""
    _yaml(root / "campaigns" / f"{name}.yaml", {"campaigns": {n: dict(rule) for n, rule in campaigns.items()}})


def write_email(root: Path, name: str, line: str) -> None:
    """An email with one line of its own."""
    folder = root / "templates" / "emails" / name
    (folder / "words").mkdir(parents=True, exist_ok=True)
    (folder / "body.mjml").write_text(_BODY.replace("@LINE@", line), encoding="utf-8")
    (folder / "words" / "en.yaml").write_text(_WORDS.replace("@NAME@", name), encoding="utf-8")


def _emails(campaigns: Mapping[str, Mapping[str, Any]]) -> set[str]:
    steps = [step for rule in campaigns.values() for step in rule.get("steps", rule.get("waves", [rule]))]
    return {str(step["email"]) for step in steps}


def _yaml(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True), encoding="utf-8")
