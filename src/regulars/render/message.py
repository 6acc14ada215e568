"""Renders one message: a compiled email with one client's data. Preview, test and send all use it.

Either every part is rendered, or RenderFailed names the tag, the file and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from regulars.core.diagnostics import Span
from regulars.core.errors import RegularsError
from regulars.render.compile import CompiledEmail, Part
from regulars.render.environment import HTML, TEXT, CountedContext, Environment, Values
from regulars.render.filters import FORMATS, FUNCTIONS, Formats
from regulars.render.limits import CURRENT, MAX_SHORT_PIECES, LimitExceeded, measure
from regulars.render.link_guard import CLOSE, OPEN
from regulars.render.link_tracking import LinkTracking
from regulars.render.question_calls import question_calls
from regulars.render.template_pieces import Kind, Piece, skeleton
from regulars.render.text import join_survey_answers, normalized

CLIPPED = 102 * 1024
"""Bytes of HTML beyond which Gmail clips an email, including its unsubscribe link."""
_LINE = re.compile(r"[ \x00-\x1f\x7f-\x9f\u2028\u2029]+")


class RenderFailed(RegularsError):
    """An email could not be rendered for one client: `where` is `path:line:column`, `message` says why.

    `exceeded`: it would exceed the work limits of an email; see `limits`.
    """

    def __init__(
        self, email: str, locale: str, where: str, message: str, *, span: Span | None = None, exceeded: bool = False
    ) -> None:
        self.email, self.locale, self.where, self.message = email, locale, where, message
        self.span, self.exceeded = span, exceeded
        super().__init__(f"{email} ({locale}): {where}: {message}")


@dataclass(slots=True)
class Rendered:
    """The texts of one message; `warnings` are sentences."""

    subject: str
    html: str
    text: str
    locale: str
    digest: str
    preheader: str = ""
    warnings: tuple[str, ...] = ()
    lined: bool = False
    """Whether the lines of the HTML are known to be valid in a message."""


def render(email: CompiledEmail, context: Mapping[str, Any], tracking: LinkTracking | None = None) -> Rendered:
    """The message for one context; an email compiled as `traced` needs a LinkTracking. Raises RenderFailed."""
    values = context_values(email, context)
    if tracking is not None:
        values.update(tracking.values())
    subject = _line(_fill(email, email.subject, TEXT, values))
    if not subject:
        raise RenderFailed(email.name, email.language, "subject", "the subject is empty")
    html = _fill(email, email.html, HTML, values)
    text = normalized(_fill(email, email.text, TEXT, values))
    survey = (context.get("links") or {}).get("survey")
    if survey:
        text = join_survey_answers(text, survey)
    preheader = _line(_fill(email, email.preheader, TEXT, values)) if email.preheader else ""
    lined = email.html.lined and html.startswith("<")
    return Rendered(subject, html, text, email.locale, email.digest, preheader, _warnings(html), lined)


def context_values(email: CompiledEmail, context: Mapping[str, Any]) -> dict[str, Any]:
    """What the templates of an email see: the functions, the context, and the formats of its language."""
    values = {**FUNCTIONS, **context, FORMATS: _formats(email, context)}
    if "answers" in context:
        values.update(question_calls(context["answers"]))
    return values


def _warnings(html: str) -> tuple[str, ...]:
    if len(html) * 4 <= CLIPPED or len(html.encode()) <= CLIPPED:
        return ()
    return (f"the HTML has {len(html.encode()) / 1024:.0f} kB; Gmail cuts an email off at 102 kB",)


def _line(text: str) -> str:
    """One line: control characters and line breaks become single spaces."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return _LINE.sub(" ", text).strip()


def _formats(email: CompiledEmail, context: Mapping[str, Any]) -> Formats:
    company = context.get("company") or {}
    customer = context.get("customer") or {}
    timezone = context.get("timezone") or customer.get("timezone") or company.get("timezone") or "UTC"
    today = context.get("today")
    return Formats(email.locale, timezone, company.get("currency"), today if isinstance(today, date) else None)


def _fill(email: CompiledEmail, part: Part, env: Environment, values: dict[str, Any]) -> str:
    context = Values(env, values)
    CURRENT.set(context.budget)
    try:
        pieces = list(part.template.root_render_func(context))
        if len(pieces) > MAX_SHORT_PIECES:
            measure(pieces)
        return "".join(pieces)
    except Exception as error:
        tag, cause = trace(env, part, values, error)
        where, message = _at(tag, cause) if tag else (part.pieces[0].span.path if part.pieces else "?", _words(cause))
        exceeded = isinstance(cause, LimitExceeded)
        raise RenderFailed(
            email.name, email.language, where, message, span=tag.span if tag else None, exceeded=exceeded
        ) from error


def trace(env: Environment, part: Part, values: dict[str, Any], error: Exception) -> tuple[Piece | None, BaseException]:
    """Locates a failure: runs the tags alone, one per line, until the same one fails again.

    Loop bodies are not run again: the number of the loop identifies its tag.
    """
    tags = [p for p in part.pieces if p.kind in (Kind.PRINT, Kind.BLOCK)]
    loops = [tag for tag in tags if tag.statement == "for"]
    if isinstance(error, LimitExceeded) and error.loop is not None and error.loop < len(loops):
        return loops[error.loop], error
    template = env.careful.from_string(skeleton(tags))
    context = template.new_context(values)
    assert isinstance(context, CountedContext)
    CURRENT.set(context.budget)
    try:
        for _ in template.root_render_func(context):
            pass
    except Exception:  # noqa: BLE001  whatever failed before fails here again
        try:
            template.environment.handle_exception()
        except Exception as again:  # noqa: BLE001  the same, with the lines of the tags
            line = _failed_line(again)
            if line is not None and line <= len(tags):
                return tags[line - 1], again
    return None, error


def _at(tag: Piece, error: BaseException) -> tuple[str, str]:
    where = f"{tag.span.path}:{tag.span.line}:{tag.span.column}"
    written = "the address" if tag.text in (OPEN, CLOSE) else _shortened(tag.text)
    return where, f"{written}: {_words(error)}"


def _shortened(text: str) -> str:
    """A tag on one line, cut if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:199]}…"


def _failed_line(error: BaseException) -> int | None:
    frame, line = error.__traceback__, None
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "<template>":
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def _words(error: BaseException) -> str:
    return " ".join(str(getattr(error, "message", None) or str(error) or type(error).__name__).split())
