"""`/d/{token}`: all data stored about the client, as a file. The link was requested, and is valid for a day."""

from __future__ import annotations

import orjson
from starlette.datastructures import FormData
from starlette.responses import Response

from regulars.consent.data_export import export
from regulars.consent.data_request import data_link_valid
from regulars.web.recipient.link_request import LinkRequest


def show(link: LinkRequest) -> Response:
    """One button. The data are sent only on POST: a scanner that opens the link gets none."""
    if not data_link_valid(link.connection, link.owner, link.now):
        return link.message("data_late", status=410)
    return link.page("data.html")


def act(link: LinkRequest, _: FormData) -> Response:
    """The file."""
    if not data_link_valid(link.connection, link.owner, link.now):
        return link.message("data_late", status=410)
    found = export(link.connection, link.owner.customer)
    headers = {"content-disposition": 'attachment; filename="my-data.json"'}
    return Response(orjson.dumps(found, option=orjson.OPT_INDENT_2), 200, headers, "application/json")
