"""A request for a link of an email: verifies the token, loads the client, answers in one transaction.

GET and HEAD get a read-only transaction, whatever a page does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from regulars.db import engine as db
from regulars.ledger.link_owner import LinkOwner, link_owner
from regulars.rules.model import Company, Rulebook
from regulars.web.rate_limit import source_of
from regulars.web.recipient.page_templates import message, page
from regulars.web.recipient.page_words import Words, accepted_languages, choose_words
from regulars.web.site import Site

_TOKEN_LENGTH = 200
"""Maximum characters of a valid token."""


@dataclass(frozen=True)
class LinkRequest:
    """One request for a valid link."""

    site: Site
    request: Request
    connection: Connection
    owner: LinkOwner
    book: Rulebook
    t: Words
    now: datetime

    @property
    def company(self) -> Company:
        """The company's name in the client's language."""
        return self.book.company.localized(self.t.language)

    @property
    def opt_in(self) -> bool:
        """Whether consent requires opt-in."""
        return self.book.policy.consent == "opt-in"

    def page(self, template: str, *, status: int = 200, **values: object) -> Response:
        """A page in the client's language."""
        return page(self.request, template, self.t, self.company, status=status, **values)

    def message(self, name: str, *, status: int = 200, **values: object) -> Response:
        """A page with one message."""
        return message(self.request, self.t, self.company, name, status=status, **values)

    def redirect_to_self(self, query: str = "") -> Response:
        """Redirects to the page itself by GET, with a relative path, so that it works below any prefix."""
        here = str(self.request.scope["path"]).rpartition("/")[2]
        return RedirectResponse(here + query, 303)


Show = Callable[[LinkRequest], Response]
Act = Callable[[LinkRequest, FormData], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


def by_link(show: Show, act: Act | None = None, *, permanent: bool = False, any_body: bool = False) -> Endpoint:
    """An endpoint for `/…/{token}`: `show` answers GET and HEAD, `act` POST. Links that are not `permanent` expire.

    A body that is not a form is passed to `act` as an empty form; an invalid form likewise with `any_body`, else it is
    refused (400).
    """

    async def endpoint(request: Request) -> Response:
        form = await _form(request, any_body=any_body) if request.method == "POST" else None
        return await run_in_threadpool(_answer, request, form, show, act, permanent)

    return endpoint


async def _form(request: Request, *, any_body: bool) -> FormData:
    try:
        return await request.form(max_files=0, max_fields=200)
    except HTTPException as error:
        if any_body and error.status_code == 400:
            return FormData()
        raise


def _answer(request: Request, form: FormData | None, show: Show, act: Act | None, permanent: bool) -> Response:
    site: Site = request.app.state.site
    token = str(request.path_params["token"])
    payload = site.payload("promise", token) if len(token) <= _TOKEN_LENGTH else None
    # GET and POST have a bucket each, so that scanners that open the link cannot block the client's unsubscribe.
    use = f"{'read' if form is None else 'act'} {payload}"
    if not (site.links.allows(use) if payload else site.wrong.allows(client_source(request))):
        return message_page(request, site, "busy", 429)
    with _transaction(site, writing=form is not None) as connection:
        book = site.rules.rulebook
        owner = link_owner(connection, payload, book) if payload else None
        if owner is None:
            return message_page(request, site, "unknown", 404)
        t = choose_words(owner.locale, book.company.locale)
        link = LinkRequest(site, request, connection, owner, book, t, site.clock())
        if not permanent and link.now - owner.since > book.policy.links:
            return link.message("expired", status=410)
        if form is None or act is None:
            return show(link)
        return act(link, form)


@contextmanager
def _transaction(site: Site, *, writing: bool) -> Iterator[Connection]:
    with (db.write if writing else db.read)(site.engine) as connection:
        yield connection


def message_page(request: Request, site: Site, name: str, status: int) -> Response:
    """A page for an unknown person, in the language of their browser."""
    company = site.rules.rulebook.company
    t = choose_words(*accepted_languages(request.headers.get("accept-language", "")), company.locale)
    return message(request, t, company, name, status=status)


def client_source(request: Request) -> str:
    """The source of a request for rate limits; behind a proxy uvicorn has set the client's own address."""
    return source_of(request.client.host) if request.client else ""


def form_value(form: FormData, name: str, longest: int = 200) -> str | None:
    """The text of a field, truncated; None where it is missing, empty or a file."""
    value = form.get(name)
    if value is None or isinstance(value, UploadFile):
        return None
    return value.replace("\0", "").strip()[:longest] or None
