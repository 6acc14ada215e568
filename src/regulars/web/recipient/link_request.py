"""A visit by a link from an email: the token read, the client found, one answer in one transaction.

GET and HEAD get a reading transaction, in which nothing can be written, whatever a page does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from regulars.db import engine as store
from regulars.ledger.link_owner import LinkOwner, link_owner
from regulars.rules.model import Company, Rulebook
from regulars.web.recipient.page_templates import message, page
from regulars.web.recipient.page_words import Words, accepted, choose
from regulars.web.site import Site

_LONGEST = 200
"""Characters of a token that may be genuine."""


@dataclass(frozen=True)
class Visit:
    """One request by a genuine link."""

    site: Site
    request: Request
    connection: Connection
    who: LinkOwner
    book: Rulebook
    t: Words
    now: datetime

    @property
    def company(self) -> Company:
        """Who the client thinks they are talking to, in their language."""
        return self.book.company.speaking(self.t.language)

    @property
    def opt_in(self) -> bool:
        """Whether silence means no."""
        return self.book.policy.consent == "opt-in"

    def page(self, template: str, *, status: int = 200, **values: object) -> Response:
        """A page in the client's language."""
        return page(self.request, template, self.t, self.company, status=status, **values)

    def message(self, name: str, *, status: int = 200, **values: object) -> Response:
        """A page that says one thing."""
        return message(self.request, self.t, self.company, name, status=status, **values)

    def again(self, query: str = "") -> Response:
        """Back to the page itself by GET, relative, so that it works below any prefix."""
        here = str(self.request.scope["path"]).rpartition("/")[2]
        return RedirectResponse(here + query, 303)


Show = Callable[[Visit], Response]
Act = Callable[[Visit, FormData], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def by_link(show: Show, act: Act | None = None, *, lasting: bool = False) -> Endpoint:
    """An endpoint for `/…/{token}`: `show` answers GET and HEAD, `act` POST. Links that are not `lasting` expire."""

    async def endpoint(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=200) if request.method == "POST" else None
        return await run_in_threadpool(_answer, request, form, show, act, lasting)

    return endpoint


def _answer(request: Request, form: FormData | None, show: Show, act: Act | None, lasting: bool) -> Response:
    site: Site = request.app.state.site
    token = str(request.path_params["token"])
    payload = site.payload("promise", token) if len(token) <= _LONGEST else None
    if not (site.links.allows(payload) if payload else site.wrong.allows(caller(request))):
        return answer(request, site, "busy", 429)
    with _transaction(site, writing=form is not None) as connection:
        book = site.rules.rulebook
        who = link_owner(connection, payload, book) if payload else None
        if who is None:
            return answer(request, site, "unknown", 404)
        t = choose(who.locale, book.company.locale)
        visit = Visit(site, request, connection, who, book, t, site.clock())
        if not lasting and visit.now - who.since > book.policy.links:
            return visit.message("expired", status=410)
        if form is None or act is None:
            return show(visit)
        return act(visit, form)


@contextmanager
def _transaction(site: Site, *, writing: bool) -> Iterator[Connection]:
    with (store.write if writing else store.read)(site.engine) as connection:
        yield connection


def answer(request: Request, site: Site, name: str, status: int) -> Response:
    """A page for somebody we do not know, in the language their browser asks for."""
    company = site.rules.rulebook.company
    t = choose(*accepted(request.headers.get("accept-language", "")), company.locale)
    return message(request, t, company, name, status=status)


def caller(request: Request) -> str:
    """The address a request comes from; behind a proxy uvicorn has put the client's own there."""
    return request.client.host if request.client else ""


def form_values(form: FormData, name: str, longest: int = 200) -> str | None:
    """The text of a field, cut to a sensible length; None where it is missing, empty or a file."""
    value = form.get(name)
    if value is None or isinstance(value, UploadFile):
        return None
    return value.replace("\0", "").strip()[:longest] or None
