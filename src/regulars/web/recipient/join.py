"""`/join`: the sign-up form, also for a company's own website; `/j/{token}`: confirming it by the email.

The answer is the same for every address, so that it does not reveal who is a client.

The form has a hidden field that most robots fill in. Some browsers fill it in too, from their saved data, so whoever
has filled it in is asked to press the button again, on a form without it. So is whoever gives an address that looks
mistyped; it is never corrected for them.
"""

from __future__ import annotations

import re
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from regulars.consent import signups
from regulars.db import engine as db
from regulars.importing.address_typos import likely_meant
from regulars.importing.cells import email as read_email
from regulars.importing.refused import Refused
from regulars.rules.signup import Signup
from regulars.web.recipient.link_request import LinkRequest, client_source, form_value, message_page
from regulars.web.recipient.page_templates import message, page
from regulars.web.recipient.page_words import Words, accepted_languages, choose_words, text_in
from regulars.web.site import Site

_SOURCE = re.compile(r"[^a-z0-9-]+")
_NAME = re.compile(r"[^\W\d_][^\d_@:/<>\"{}()\[\]\\|!?*=+]{0,59}")
"""The pattern of a first name, which excludes advertising."""


async def endpoint(request: Request) -> Response:
    """GET shows the form, POST receives it."""
    form = await request.form(max_files=0, max_fields=20) if request.method == "POST" else None
    return await run_in_threadpool(_respond, request, form)


def _respond(request: Request, form: FormData | None) -> Response:
    site: Site = request.app.state.site
    book = site.rules.rulebook
    if book.signup is None:
        return message_page(request, site, "unknown", 404)
    asked = request.query_params if form is None else form
    requested = asked.get("lang")
    heard = accepted_languages(request.headers.get("accept-language", ""))
    t = choose_words(requested if isinstance(requested, str) else None, *heard, book.company.locale)
    if form is None:
        if "sent" in request.query_params:
            return message(request, t, book.company, "join_sent")
        return _form(request, site, book.signup, t, _source(asked.get("source")))
    if not site.joins.allows(f"join {client_source(request)}"):
        return message_page(request, site, "busy", 429)
    return _submit(request, site, book.signup, t, form)


def _submit(request: Request, site: Site, form: Signup, t: Words, fields: FormData) -> Response:
    source, name, typed = (
        _source(form_value(fields, "source")),
        form_value(fields, "first_name", 60),
        form_value(fields, "email", 254),
    )
    try:
        address = read_email(typed) if typed else None
    except Refused:
        address = None
    if address is None:
        return _form(request, site, form, t, source, email=typed or "", first_name=name or "", wrong=True)
    meant = likely_meant(address)
    if meant is not None and form_value(fields, "asked", 254) != address:
        return _form(request, site, form, t, source, email=address, first_name=name or "", meant=meant)
    signup = signups.SignupRequest(
        address, text_in(form.text, t.language), source, t.language,
        name if name is not None and _NAME.fullmatch(name) else None,
    )  # fmt: skip
    if form_value(fields, "website") is not None:
        return _form(request, site, form, t, source, email=typed or "", first_name=name or "", again=True, meant=meant)
    with db.write(site.engine) as connection:
        signups.request_signup(connection, signup, form, site.address_secret, site.clock())
    return RedirectResponse(f"join?sent=1&lang={t.language}", 303)


def _form(
    request: Request, site: Site, form: Signup, t: Words, source: str, *, email: str = "", first_name: str = "",
    wrong: bool = False, again: bool = False, meant: str | None = None,
) -> Response:  # fmt: skip
    return page(
        request, "join.html", t, site.rules.rulebook.company, status=400 if wrong else 200, form=form, source=source,
        wording=text_in(form.text, t.language), email=email, first_name=first_name, wrong=wrong,
        again=again, meant=meant,
    )  # fmt: skip


def _source(value: object) -> str:
    """The form's name in lower case; `page` for our own."""
    return _SOURCE.sub("-", value.lower())[:40].strip("-") or "page" if isinstance(value, str) else "page"


def show(link: LinkRequest) -> Response:
    """The text of the consent, and one button; or a confirmation."""
    found = _pending(link)
    if found is None:
        return link.message("join_gone", status=404)
    return link.page("join_confirm.html", done=found.confirmed_at is not None, wording=found.wording)


def act(link: LinkRequest, _: FormData) -> Response:
    """Records the consent, once."""
    found = _pending(link)
    if found is None:
        return link.message("join_gone", status=404)
    signups.confirm(link.connection, found, link.now)
    return link.redirect_to_self()


def _pending(link: LinkRequest) -> signups.PendingSignup | None:
    """The sign-up, unless it has expired or the person was erased."""
    found = None if link.owner.erased else signups.pending_signup(link.connection, link.owner)
    keep = link.book.signup.keep if link.book.signup is not None else timedelta()
    if found is None or (found.confirmed_at is None and link.now > found.asked_at + keep):
        return None
    return found
