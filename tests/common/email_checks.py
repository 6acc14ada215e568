"""All that `check` says of some emails."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from regulars.core.diagnostics import Diagnostic, in_order
from regulars.render.compile import Templates
from regulars.render.email_check import Usage, by_email, check_email, check_languages


def check(templates: Templates, usages: Sequence[Usage], own_hosts: Collection[str] = ()) -> list[Diagnostic]:
    """The diagnostics of the emails in use, each once, in order of file and line."""
    uses = by_email(usages)
    found = [fault for group in uses.values() for fault in check_email(templates, group, own_hosts)]
    return in_order(dict.fromkeys([*found, *check_languages(templates, uses)]))
