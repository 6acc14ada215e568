"""`/b/{token}`: arranging a visit: the client asks for a call."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.responses import Response

from regulars.responses.answers import call_requested, request_call
from regulars.responses.click_grading import HitKind
from regulars.web.recipient.click import count_hit
from regulars.web.recipient.link_request import LinkRequest, form_value


def show(link: LinkRequest) -> Response:
    """A form with a button and a note; or a confirmation of the request."""
    if link.owner.erased:
        return link.message("unknown", status=404)
    count_hit(link, HitKind.CLICK, "book")
    return link.page("book.html", asked=call_requested(link.connection, link.owner))


def act(link: LinkRequest, form: FormData) -> Response:
    """Records the request, once."""
    if link.owner.erased:
        return link.message("unknown", status=404)
    request_call(link.connection, link.owner, form_value(form, "note", 1000), link.now)
    return link.redirect_to_self()
