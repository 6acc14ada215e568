"""`/b/{token}`: arranging a visit: the client asks to be called, and the business does."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.responses import Response

from regulars.responses.answers import call_requested, request_call
from regulars.responses.click_grading import Kind
from regulars.web.recipient.click import count
from regulars.web.recipient.link_request import Visit, form_values


def show(visit: Visit) -> Response:
    """One button and room for a few words; or that we shall call."""
    if visit.who.erased:
        return visit.message("unknown", status=404)
    count(visit, Kind.CLICK, "book")
    return visit.page("book.html", asked=call_requested(visit.connection, visit.who))


def act(visit: Visit, form: FormData) -> Response:
    """Notes the wish, once."""
    if visit.who.erased:
        return visit.message("unknown", status=404)
    request_call(visit.connection, visit.who, form_values(form, "note", 1000), visit.now)
    return visit.again()
