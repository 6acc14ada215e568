"""Compiles emails: words, MJML and Jinja become four Jinja templates, once per email and language.

Compiled templates print values from the context only; everything else is fixed here and part of the digest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

from jinja2 import Template
from jinja2.exceptions import TemplateError

from regulars.core.diagnostics import Diagnostic, Span
from regulars.core.errors import Invalid, NotFound
from regulars.core.ids import digest
from regulars.render import folding, links, scope, text, yaml_file
from regulars.render.client_questions import Question, questions_in
from regulars.render.draft import Draft, draft, joined, word_pieces
from regulars.render.environment import HTML, TEXT, Environment
from regulars.render.template_files import File, Library, expand, match
from regulars.render.template_pieces import Piece
from regulars.rules.company import derived_colors


@dataclass(frozen=True, slots=True)
class Part:
    """One compiled text of an email and its source pieces."""

    template: Template
    pieces: tuple[Piece, ...]
    source: str
    lined: bool = False
    """Whether its lines are valid in a message whatever values are filled in; see `lined`."""


@dataclass(frozen=True, slots=True)
class CompiledEmail:
    """An email in one language, ready to be filled in; see `render`."""

    name: str
    language: str
    """The language of the words, as in the name of the words file."""
    locale: str
    """The locale of dates and money: the reader's region where its language is that of the words."""
    digest: str
    html: Part
    text: Part
    subject: Part
    preheader: Part | None
    viewed: bool
    """Whether the HTML can link to its page in the browser."""


@dataclass
class Templates:
    """The emails in some folders, the first folder first. Compiled emails are cached; a new object sees changes."""

    folders: Sequence[Path]
    company_locale: str = "en"
    library: Library = field(init=False)
    _compiled: dict[tuple[str, str, bool], CompiledEmail] = field(init=False, default_factory=dict, repr=False)
    _asks: dict[str, tuple[Question, ...]] = field(init=False, default_factory=dict, repr=False)
    _reads: dict[tuple[str, str], frozenset[str] | None] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.library = Library(tuple(self.folders))

    def names(self) -> list[str]:
        """The names of the emails."""
        return self.library.names()

    def languages(self, email: str) -> list[str]:
        """The languages an email has words in."""
        self.library.body(email)
        return sorted(self.library.languages(email))

    def compiled(self, email: str, locale: str | None, *, traced: bool = False) -> CompiledEmail:
        """The email for a reader: exact locale, else the language, else the company's.

        `traced`: with links that can be counted; it is rendered with a `LinkTracking`.

        Raises NotFound for an unknown email, Invalid for one that is faulty or has no words in any of these.
        """
        key = (email, locale or "", traced)
        if key not in self._compiled:
            language = self.language(email, locale)
            if (email, language, traced) not in self._compiled:
                made = compile_email(self.library, email, language, self.company_locale, traced=traced)
                self._compiled[email, language, traced] = made
            own = self._compiled[email, language, traced]
            self._compiled[key] = own if not locale else replace(own, locale=shown_in(locale, language))
        return self._compiled[key]

    def language(self, email: str, locale: str | None) -> str:
        """The language of an email for a reader; raises NotFound or Invalid."""
        body = self.library.body(email)
        languages = self.library.languages(email)
        found = match(locale, languages) or match(self.company_locale, languages)
        if found is None:
            wanted = " or ".join(dict.fromkeys(f"`{x}`" for x in (locale, self.company_locale) if x))
            message = f"`{email}` has no words in {wanted}"
            hint = (
                f"add words/{self.company_locale}.yaml; there are {', '.join(sorted(languages)) or 'no words at all'}"
            )
            raise Invalid([Diagnostic("T009", message, Span(body.path, 1, 1), hint=hint)], self.library.sources())
        return found

    def reads(self, email: str, root: str = "customer") -> frozenset[str] | None:
        """The fields of `root` that an email uses, in any language; None when unknown."""
        if (email, root) not in self._reads:
            try:
                found = [_reads(self.library, email, each, self.company_locale, root) for each in self.languages(email)]
            except (Invalid, NotFound, TemplateError):  # rendering will report it
                found = [None]
            known = [fields for fields in found if fields is not None]
            self._reads[email, root] = frozenset[str]().union(*known) if len(known) == len(found) else None
        return self._reads[email, root]

    def asks(self, email: str) -> tuple[Question, ...]:
        """The questions of an email about its client, in any language; none where it cannot be read."""
        if email not in self._asks:
            try:
                found = [
                    question
                    for each in self.languages(email)
                    for question in questions_in(_pieces(self.library, email, each, self.company_locale))
                ]
            except (Invalid, NotFound, TemplateError):  # the check of the email reports it
                found = []
            self._asks[email] = tuple(found)
        return self._asks[email]

    def shows_coupon(self, email: str) -> bool:
        """Whether an email uses a coupon, in any language; true when unknown."""
        return self.reads(email, "coupon") != frozenset()

    def sources(self) -> dict[str, str]:
        """Every text read so far by its path, for printing diagnostics."""
        return self.library.sources()

    def sample(self, email: str) -> dict[str, Any]:
        """The email's own data for a preview without a client; empty if it has none. Raises NotFound, Invalid."""
        self.library.body(email)
        file = self.library.find(email, "sample.yaml")
        base = self.library.find("_base", "sample.yaml")
        found = {**(_data(base) if base else {}), **(_data(file) if file else {})}
        company = found.get("company")
        if isinstance(company, dict):  # what follows from its colour need not be written
            found["company"] = {**derived_colors(company.get("color")), **company}
        return found


def shown_in(locale: str, language: str) -> str:
    """The locale for dates and money: the reader's if it is known and in the words' language, else the words'."""
    if locale.replace("_", "-").split("-")[0].lower() != language.split("-", maxsplit=1)[0].lower():
        return language
    from regulars.render.filters import babel

    try:
        babel(locale)
    except ValueError:
        return language
    return locale.replace("_", "-")


def _reads(library: Library, email: str, language: str, fallback: str, root: str) -> frozenset[str] | None:
    return scope.fields(_pieces(library, email, language, fallback), root)


def _pieces(library: Library, email: str, language: str, fallback: str) -> list[Piece]:
    """Everything that an email says in a language."""
    words = library.words(email, language, fallback)
    files = (library.body(email), library.find(email, "body.txt"))
    pieces = [piece for file in files if file for piece in expand(library, file, words, [])]
    for name in ("subject", "preheader"):
        pieces += word_pieces(words, name, None, [])
    return pieces


@lru_cache(maxsize=256)
def _data(file: File) -> Mapping[str, Any]:
    """The sample file; read once for the checks of all languages."""
    data = yaml_file.load(file.text, file.path)
    if not isinstance(data, dict):
        raise Invalid([Diagnostic("T015", "a sample is a mapping of names to values", Span(file.path, 1, 1))])
    return data


def compile_email(library: Library, email: str, language: str, fallback: str, *, traced: bool = False) -> CompiledEmail:
    """Compiles one email in one language. Raises Invalid with every fault found."""
    read = draft(library, email, language, fallback)
    if read.faults:
        raise Invalid(list(dict.fromkeys(read.faults)), library.sources())
    return finish(read, traced=traced)


def finish(read: Draft, *, traced: bool = False) -> CompiledEmail:
    """Compiles a valid draft; with `traced`, its links can be counted. Raises Invalid if Python cannot compile it."""
    try:
        return _finished(read, traced=traced)
    except (TemplateError, SyntaxError, RecursionError, MemoryError) as error:
        message = f"this email cannot be compiled: {error}"
        raise Invalid([Diagnostic("T002", message, Span(read.body.path, 1, 1))]) from error


def _finished(read: Draft, *, traced: bool) -> CompiledEmail:
    woven = read.weaver.woven
    content = folding.fold(links.trace(read.content, woven) if traced else read.content)
    derived = text.derive(read.content, woven) if read.own_text is None else joined(read.own_text)
    sources = [joined(p) for p in (read.html, read.subject, read.preheader, read.own_text or [])]
    return CompiledEmail(
        name=read.email,
        language=read.language,
        locale=read.language,
        digest=digest([*sources, read.language]),
        html=_part(HTML, woven.restore(content), woven.tags),
        text=_part(TEXT, derived, woven.tags if read.own_text is None else read.own_text),
        subject=_part(TEXT, joined(read.subject), read.subject),
        preheader=_part(TEXT, joined(read.preheader), read.preheader) if read.preheader else None,
        viewed=any("links" in _OTHER_LINK.sub("", tag.text) for tag in woven.tags),
    )


def _part(env: Environment, source: str, pieces: Sequence[Piece]) -> Part:
    template, sound = _template(env, source)
    return Part(template, tuple(pieces), source, sound)


@lru_cache(maxsize=2048)
def _template(env: Environment, source: str) -> tuple[Template, bool]:
    """A compiled part, and whether it is `lined`; cached, so that a reload compiles only what changed."""
    template = env.from_string(source)
    return template, env is HTML and lined(template.root_render_func.__code__)


def lined(code: CodeType) -> bool:
    """Whether every line of the template's output is valid in a message, whatever values are filled in.

    True when each piece of fixed text is valid and none ends in a line break: a value contains no line break in HTML
    (see `Shown`), so it never begins a line.
    """
    return all(
        lined(piece) if isinstance(piece, CodeType) else not (isinstance(piece, str) and _UNFIT.search(piece))
        for piece in code.co_consts
    )


_UNFIT = re.compile(r"\n(?:\.|From |--|\Z)|[\r\0]")
_OTHER_LINK = re.compile(r"\blinks\.(?!view\b)\w+")
