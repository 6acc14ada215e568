"""`/v/{token}`: the email as it was sent, for those whose mail program shows it badly."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

from regulars.ledger.copies import shown
from regulars.web.recipient.link_request import Visit

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none'; frame-ancestors 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""An email styles itself; it may do nothing else."""


def show(visit: Visit) -> Response:
    """The very HTML, or a page that says it is not kept."""
    html = shown(visit.connection, visit.who.promise, str(visit.request.path_params["token"]))
    if html is None:
        return visit.message("unkept", status=404)
    return HTMLResponse(html, headers={"content-security-policy": POLICY})
