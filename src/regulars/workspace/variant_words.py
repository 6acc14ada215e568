"""Checks the other words that variants name: some email of the campaign has them, in all of its languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from regulars.core.diagnostics import Diagnostic, Span, did_you_mean
from regulars.core.email_names import email_folder, with_words
from regulars.core.errors import Invalid, NotFound
from regulars.render.compile import Templates
from regulars.render.template_files import File
from regulars.rules.model import Campaign, Rulebook


def check(rulebook: Rulebook, templates: Templates) -> Iterator[Diagnostic]:
    """A fault for each variant whose words do not exist, or lack a language."""
    seen: set[Diagnostic] = set()
    for campaign in rulebook.campaigns.values():
        for index, variant in enumerate(campaign.variants):
            if variant.words is not None:
                span = rulebook.span("campaigns", campaign.name, "variants", index, "words")
                found = list(_of(campaign, variant.name, variant.words, span, templates))
                yield from (fault for fault in found if fault not in seen)
                seen.update(found)


def _of(campaign: Campaign, variant: str, words: str, span: Span | None, templates: Templates) -> Iterator[Diagnostic]:
    names = {email_folder(step.email) for step in campaign.by_variant[variant].all_steps}
    files: dict[str, dict[str, File]] = {}
    known: set[str] = set()
    for email in sorted(names):
        with suppress(NotFound, Invalid):  # the check of the email reports these
            found = templates.library.other_words(email)
            templates.library.body(email)
            known.update(found)
            files[email] = found.get(words, {})
    if files and not any(files.values()):
        first = min(files)
        hint = did_you_mean(words, known) or f"write them into `{first}/words/{templates.company_locale}.{words}.yaml`"
        expected = "one of " + ", ".join(f"`{name}`" for name in sorted(known)) if known else None
        message = f"`{campaign.name}` sends no email that has the words `{words}`"
        yield Diagnostic("T023", message, span, expected=expected, hint=hint)
    for email, theirs in files.items():
        lacking = sorted(set(templates.library.languages(email)) - set(theirs)) if theirs else []
        if lacking:
            place = Span(next(iter(theirs.values())).path, 1, 1)
            languages = ", ".join(f"`{one}`" for one in lacking)
            message = f"`{email}` has no words `{words}` in {languages}, so all who read that would get the same"
            yield Diagnostic("T024", message, place, hint=f"write `words/{lacking[0]}.{words}.yaml`")
        for locale, file in theirs.items():
            if locale not in templates.library.languages(email):
                message = f"`{with_words(locale, words)}.yaml` has other words of a language that `{email}` has not"
                hint = f"write `words/{locale}.yaml` first"
                yield Diagnostic("T024", message, Span(file.path, 1, 1), hint=hint)
