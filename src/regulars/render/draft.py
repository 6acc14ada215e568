"""The draft of an email in one language: its pieces, its HTML with marks, and all diagnostics."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2.exceptions import TemplateError, TemplateSyntaxError

from regulars.core.diagnostics import Diagnostic, Span, did_you_mean
from regulars.render import mjml
from regulars.render.email_words import Word
from regulars.render.environment import HTML, STATEMENTS, TEXT, Environment
from regulars.render.template_files import File, Library, expand, put_words
from regulars.render.template_pieces import Kind, Piece, origin_of, skeleton, unclosed
from regulars.render.weaver import Weaver

MAX_NESTED = 15
"""Maximum nesting of `{% if %}`, `{% for %}` …: Python allows 20 nested loops."""
MAX_BRACKETS = 30
"""Maximum nesting of brackets in one tag."""
MAX_PARTS = 200
"""Maximum operators in one tag, each of which is a level of nesting for the parsers."""


@dataclass
class Draft:
    """An email in one language, valid or not: its pieces, its HTML with marks, and its diagnostics."""

    email: str
    language: str
    body: File
    words: dict[str, Word]
    html: list[Piece]
    subject: list[Piece]
    preheader: list[Piece]
    own_text: list[Piece] | None
    weaver: Weaver
    content: str
    faults: list[Diagnostic]


def draft(library: Library, email: str, language: str, fallback: str) -> Draft:
    """Reads an email; raises Invalid only for a words file that cannot be read at all."""
    body = library.body(email)
    words = library.words(email, language, fallback)
    faults: list[Diagnostic] = []
    pieces = expand(library, body, words, faults)
    subject = word_pieces(words, "subject", library.languages(email)[language], faults)
    preheader = word_pieces(words, "preheader", None, faults)
    override = library.find(email, "body.txt")
    own_text = expand(library, override, words, faults) if override else None
    faults.extend(syntax(HTML, pieces))
    for part in (subject, preheader, own_text or []):
        faults.extend(syntax(TEXT, part))
    weaver = Weaver()
    woven = weaver.weave(pieces)
    faults.extend(weaver.faults)
    content, lost = mjml.to_html(woven, language, Span(body.path, 1, 1), weaver.tags) if not faults else ("", [])
    return Draft(email, language, body, words, pieces, subject, preheader, own_text, weaver, content, [*faults, *lost])


def word_pieces(words: dict[str, Word], name: str, file: File | None, faults: list[Diagnostic]) -> list[Piece]:
    """The pieces of a word; for a required word, `file` is where it is missing."""
    if name in words:
        return put_words(words[name].pieces(), words, faults)
    if file is not None:
        faults.append(Diagnostic("T008", f"there is no `{name}`", Span(file.path, 1, 1), hint=f"add `{name}: …`"))
    return []


def joined(pieces: Sequence[Piece]) -> str:
    """The text of some pieces."""
    return "".join(p.text for p in pieces)


@lru_cache(maxsize=1)
def _names() -> tuple[list[str], list[str]]:
    return sorted(HTML.filters), sorted(HTML.tests)


def syntax(env: Environment, pieces: Sequence[Piece]) -> list[Diagnostic]:
    """Jinja's errors in the tags, each at its place."""
    faults = [f for f in map(unclosed, pieces) if f]
    tags = [p for p in pieces if p.kind in (Kind.PRINT, Kind.BLOCK)]
    for tag in tags:
        if tag.kind is Kind.BLOCK and tag.statement not in STATEMENTS:
            known = ", ".join(sorted(STATEMENTS))
            faults.append(
                Diagnostic("T002", f"emails know no `{{% {tag.statement} %}}`", tag.span, expected=f"one of {known}")
            )
    faults += [fault for fault in (_too_deep(tags), *map(_too_nested, tags)) if fault]
    if faults:
        return faults
    try:
        _compiles(env, skeleton(tags))
    except (RecursionError, MemoryError, SyntaxError):  # cases not covered by the limits above
        return [Diagnostic("T002", "the tags are nested too deeply", tags[0].span if tags else None)]
    except TemplateSyntaxError as error:
        return [explain(error, tags)]
    except TemplateError as error:
        return [Diagnostic("T002", str(error.message), tags[0].span if tags else None)]
    return []


@lru_cache(maxsize=1024)
def _compiles(env: Environment, source: str) -> None:
    """Raises TemplateError for an invalid template; cached, because all languages often have the same tags."""
    compile(env.compile(source, raw=True), "<template>", "exec")


def _too_deep(tags: Sequence[Piece]) -> Diagnostic | None:
    """Blocks nested deeper than Python can compile."""
    depth = 0
    for tag in tags:
        if tag.statement in ("if", "for", "with") or (tag.statement == "set" and not _ASSIGNED.search(tag.text)):
            depth += 1
        elif tag.statement.startswith("end"):
            depth -= 1
        if depth > MAX_NESTED:
            return Diagnostic("T002", f"blocks are nested more than {MAX_NESTED} deep", tag.span)
    return None


_ASSIGNED = re.compile(r"(?<![=!<>])=(?!=)")
_NESTS = re.compile(r"""'(?:\\.|[^'\\])*+'|"(?:\\.|[^"\\])*+"|[(\[{]|[)\]}]|\bnot\b|[-+*/%~]|\belse\b""")


def _too_nested(tag: Piece) -> Diagnostic | None:
    """A tag with brackets, signs or alternatives nested deeper than the parsers can read."""
    depth = parts = 0
    for found in _NESTS.finditer(tag.text[2:-2]):
        sign = found[0]
        depth += (sign in "([{") - (sign in ")]}")
        parts += sign[0] not in "'\"([{)]}"
        if depth > MAX_BRACKETS or parts > MAX_PARTS:
            here = origin_of(tag).span(2 + found.start(), len(sign))
            return Diagnostic("T002", "this tag is nested too deeply", here, hint="say it in several `{% set … %}`")
    return None


def explain(error: TemplateSyntaxError, tags: Sequence[Piece]) -> Diagnostic:
    """Jinja's error as a diagnostic at its tag."""
    tag = tags[min(max(error.lineno, 1), len(tags)) - 1]
    message = str(error.message or "this is not Jinja").rstrip(".")
    for kind, known in zip(("filter", "test"), _names(), strict=True):
        start = f"No {kind} named '"
        if message.startswith(start):
            name = message[len(start) :].split("'")[0]
            hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
            at = origin_of(tag).span(max(0, tag.text.find(name)), len(name))
            return Diagnostic("T007", f"there is no {kind} `{name}`", at, hint=hint)
    return Diagnostic("T002", message, tag.span)
