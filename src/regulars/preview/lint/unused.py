"""Words, parts and emails that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from regulars.core.email_names import email_folder
from regulars.preview.lint.finding import Finding, Level
from regulars.render.email_words import read
from regulars.render.template_files import File, Library, included
from regulars.rules.model import Campaign
from regulars.workspace.folder import Workspace

_USED = re.compile(r"\bt\.([A-Za-z_]\w*)|\bt\[\s*['\"](\w+)['\"]\s*\]")
_BY_NAME = re.compile(r"\bt\s*\[\s*[^'\"\s]")
"""A word that is chosen while the email is rendered: then any may be used."""
_ALWAYS = frozenset({"subject", "preheader"})


def unused(workspace: Workspace) -> Iterator[Finding]:
    """Of the workspace's own files; those of the starter are nobody's mistake."""
    library = workspace.templates.library
    own = workspace.root / "templates" / "emails"
    sent = emails_of(*workspace.rulebook.campaigns.values())
    for email in library.names():
        if not (own / email / "body.mjml").is_file():
            continue
        if email not in sent:
            place = f"templates/emails/{email}"
            yield Finding("unused", place, "no campaign sends it", "delete it, or use it", Level.HINT)
        yield from _words(library, email)
    yield from _parts(workspace, library)


def emails_of(*campaigns: Campaign) -> set[str]:
    """The folders of the emails that campaigns send, those of their variants included."""
    forms = [form for one in campaigns for form in (one, *one.by_variant.values())]
    return {email_folder(step.email) for form in forms for step in form.all_steps}


def _words(library: Library, email: str) -> Iterator[Finding]:
    body = library.body(email)
    text = library.find(email, "body.txt")
    files = [body, *included(library, body), *([text] if text else [])]
    if any(_BY_NAME.search(file.text) for file in files):
        return
    for locale, file in sorted(library.languages(email).items()):
        words = read(file.text, file.path)
        every = library.words(email, locale, locale)
        used = set(_ALWAYS) | {name for one in files for name in _names(one)}
        waiting = list(used)
        while waiting:  # words may use each other
            word = every.get(waiting.pop())
            for name in _names(File("", word.text)) if word is not None else ():
                if name not in used:
                    used.add(name)
                    waiting.append(name)
        shared = library.languages("_base")
        for name in sorted(set(words) - used):
            if not any(name in read(one.text, one.path) for one in shared.values()):
                message = f"no email shows the word `{name}`"
                yield Finding("unused", file.path, message, "delete it, or show it", Level.HINT)


def _names(file: File) -> Iterator[str]:
    for found in _USED.finditer(file.text):
        yield found[1] or found[2]


def _parts(workspace: Workspace, library: Library) -> Iterator[Finding]:
    base = workspace.root / "templates" / "emails" / "_base"
    used = {part.path for email in library.names() for part in included(library, library.body(email))}
    for path in sorted(base.glob("*.mjml")):
        part = library.include(f"_base/{path.name}")
        if part is not None and part.path not in used:
            yield Finding("unused", part.path, "no email includes this part", "delete it, or include it", Level.HINT)
