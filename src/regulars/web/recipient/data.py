"""`/d/{token}`: everything that is kept about the client, as a file. The link was asked for, and holds for a day."""

from __future__ import annotations

import orjson
from starlette.datastructures import FormData
from starlette.responses import Response

from regulars.consent.data_export import export
from regulars.consent.data_request import data_open
from regulars.web.recipient.link_request import Visit


def show(visit: Visit) -> Response:
    """One button. The data themselves come by POST: a scanner that opens the link gets none."""
    if not data_open(visit.connection, visit.who, visit.now):
        return visit.message("data_late", status=410)
    return visit.page("data.html")


def act(visit: Visit, _: FormData) -> Response:
    """The file."""
    if not data_open(visit.connection, visit.who, visit.now):
        return visit.message("data_late", status=410)
    found = export(visit.connection, visit.who.customer)
    headers = {"content-disposition": 'attachment; filename="my-data.json"'}
    return Response(orjson.dumps(found, option=orjson.OPT_INDENT_2), 200, headers, "application/json")
